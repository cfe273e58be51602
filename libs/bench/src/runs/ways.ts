import { Controller, Inject, Module, Req, Sse } from '@nestjs/common';
import { Redis } from 'ioredis';
import { EventBus, PushModule, Runs, topic, type Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { redisBackplane } from 'nestjs-push/redis';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createResumableStreamContext } from 'resumable-stream/ioredis';
import type { Kind } from '../backplanes/server.js';
import { nestApplication } from '../server/nest.js';
import { answerOf, words } from './words.js';

/** What serves answers. */
export interface Serving {
  readonly server: Server;
  /** Stops an answer, where that can be done from any process. */
  cancel?(id: string): Promise<unknown>;
}

/** Serves answers one way. @param log the server of the log; `undefined` for none */
export type StartWay = (log: LogTarget | undefined) => Promise<Serving>;

/** A server that is shared. */
export interface LogTarget {
  readonly kind: Kind;
  readonly port: number;
}

@Controller()
class Answers {
  constructor(
    @Inject(Runs) private readonly runs: Runs,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  @Sse(':id')
  async answer(@Req() { url }: { url: string }) {
    const answer = answerOf(url);
    const name = topic`answers.${answer.id}`;
    await this.runs.start(name, () => words(answer));
    return this.bus.stream(name, { from: 'earliest' });
  }
}

/** A run of nestjs-push, which its client reads. */
async function push(log: LogTarget | undefined): Promise<Serving> {
  const backplane = log && backplaneOf(log);
  const topics = [{ pattern: 'answers.*', access: 'public', finite: true }] as const;
  class Root {}
  Module({ imports: [PushModule.forRoot({ topics, backplane })], controllers: [Answers] })(Root);
  const app = await nestApplication(Root, 'fastify');
  await app.listen(0, '127.0.0.1');
  while (backplane && !(await backplane.health()).ready);
  const runs = app.get(Runs);
  return { server: app.getHttpServer(), cancel: (id) => runs.cancel(topic`answers.${id}`) };
}

function backplaneOf({ kind, port }: LogTarget): Backplane {
  if (kind === 'redis') return redisBackplane({ url: `redis://127.0.0.1:${port}` });
  return natsBackplane({ servers: `127.0.0.1:${port}` });
}

/** The least that can be done: each chunk is written to the response, and is gone. */
function write(): Promise<Serving> {
  return serve(async (request, response) => {
    for await (const word of words(answerOf(request.url!))) response.write(blockOf(word));
    response.end();
  });
}

/** resumable-stream as its documentation has it: the answer is kept by the process that makes it, and announced over Redis. */
async function resumable(log: LogTarget | undefined): Promise<Serving> {
  const [publisher, subscriber] = [new Redis(log!.port), new Redis(log!.port)];
  const context = createResumableStreamContext({ waitUntil: null, publisher, subscriber });
  return serve(async (request, response) => {
    const answer = answerOf(request.url!);
    const stream = await context.createNewResumableStream(answer.id, () =>
      ReadableStream.from(blocksOf(words(answer))),
    );
    for await (const block of stream!) response.write(block);
    response.end();
  });
}

export const ways: Readonly<Record<string, StartWay>> = { push, write, resumable };

async function* blocksOf(source: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const word of source) yield blockOf(word);
}

function blockOf(word: string): string {
  return `data: ${JSON.stringify(word)}\n\n`;
}

async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Serving> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    handle(request, response).catch((error: Error) => response.destroy(error));
  });
  await once(server.listen(0, '127.0.0.1', 4_096), 'listening');
  return { server };
}
