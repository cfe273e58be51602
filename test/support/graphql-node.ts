import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { All, Controller, Req, Res, type OnModuleDestroy, type Type } from '@nestjs/common';
import { GraphQLModule, GraphQLSchemaHost } from '@nestjs/graphql';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { createHandler } from 'graphql-sse/lib/use/fastify';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { PushLifecycle, PushModule, type PushOptions } from 'nestjs-push';
import { PushPubSub } from 'nestjs-push/graphql';
import { WebSocket } from 'ws';
import { afterTest } from './cleanup.js';
import { follow } from './graphql-follow.js';
import { StreamController } from './graphql-stream.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';
import { eventually, Watched } from './watched.js';

/** As `StreamController`, for Fastify. */
@Controller('stream')
export class FastifyStreamController implements OnModuleDestroy {
  private readonly open = new Set<FastifyReply['raw']>();
  private readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

  constructor(schemas: GraphQLSchemaHost) {
    this.handle = createHandler({
      schema: () => schemas.schema,
      context: (request) => ({ req: request.raw }) as never,
      onNext: async (_context, { context }) => {
        const { raw } = context.reply;
        if (raw.headersSent) await new Promise((resolve) => raw.write('', resolve));
      },
    });
  }

  @All()
  async stream(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    this.open.add(reply.raw);
    reply.raw.once('close', () => this.open.delete(reply.raw));
    try {
      await this.handle(request, reply);
    } catch (error) {
      reply.raw.destroy(error as Error);
    }
  }

  onModuleDestroy(): void {
    for (const response of this.open) response.destroy();
  }
}

/** Starts a node of an application with these resolvers. */
export async function startGraphQL(
  platform: Platform,
  resolvers: Type[],
  push: PushOptions = {},
): Promise<RunningApp> {
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot(push),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        subscriptions: { 'graphql-ws': true },
      }),
    ],
    controllers: [platform === 'express' ? StreamController : FastifyStreamController],
    providers: [PushPubSub, ...resolvers],
  });
  await eventually(() => app.nest.get(PushLifecycle).ready);
  return app;
}

/** Where clients are, for the moment. They ask again for each connection. */
export class Balancer {
  constructor(public node: RunningApp) {}

  webSocketUrl = () => this.node.webSocketUrl('/graphql');

  streamUrl = () => this.node.url('/stream');
}

type Client = Parameters<typeof follow>[0] & { dispose(): unknown };

/** The clients of both transports. They come back at once, as often as it takes. */
export const clients: Readonly<Record<string, (balancer: Balancer) => Client>> = {
  'graphql-ws': ({ webSocketUrl }) =>
    createWsClient({
      url: webSocketUrl,
      webSocketImpl: WebSocket,
      retryAttempts: Infinity,
      retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
    }),
  'graphql-sse': ({ streamUrl }) =>
    createSseClient({
      url: streamUrl,
      retryAttempts: Infinity,
      retry: () => new Promise((resolve) => setTimeout(resolve, 20)),
    }),
};

/** What a client has seen of a parcel. */
export class Log extends Watched {
  readonly places: string[] = [];
  readonly errors: unknown[] = [];
  gaps = 0;
  isOver = false;
  stop: () => void = () => undefined;

  /** Follows a parcel with the code of the documentation. */
  static of(client: Client, number: string, after?: string): Log {
    const log = new Log();
    log.stop = follow(client, number, log, after);
    afterTest(() => client.dispose());
    return log;
  }

  moved(place: string): void {
    this.places.push(place);
    this.changed();
  }

  gap(): void {
    this.gaps++;
    this.changed();
  }

  ended(error?: unknown): void {
    if (error !== undefined) this.errors.push(error);
    this.isOver = true;
    this.changed();
  }
}

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { message: string; extensions: Record<string, unknown> }[];
}

/** A query or mutation, over HTTP. */
export async function ask(node: RunningApp, query: string): Promise<Answer> {
  const answer = await fetch(node.url('/graphql'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return (await answer.json()) as Answer;
}

/** Resolves once a node has so many subscriptions. */
export function subscribed(node: RunningApp, count = 1): Promise<void> {
  return eventually(() => node.bus.stats().subscriptions === count);
}

/** What moves a parcel. */
export const move = (number: string, place: string) =>
  `mutation { moveParcel(number: "${number}", place: "${place}") }`;

/** What a client gets of a subscription; `complete` when that has ended. */
export type Result = FormattedExecutionResult | 'complete';

/** Subscribes, and resolves with all that comes until the end, or until there are so many. */
export function results(
  balancer: Balancer,
  kind: string,
  query: string,
  count = Infinity,
): Promise<Result[]> {
  const client = clients[kind]!(balancer);
  afterTest(() => client.dispose());
  return new Promise((resolve, reject) => {
    const seen: Result[] = [];
    const stop = client.subscribe(
      { query, variables: {} },
      {
        next(result) {
          seen.push(JSON.parse(JSON.stringify(result)) as Result);
          if (seen.length < count) return;
          stop();
          resolve(seen);
        },
        error: reject,
        complete: () => resolve([...seen, 'complete']),
      },
    );
  });
}
