import { All, Controller, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { Request, Response } from 'express';
import { createHandler, type HandlerOptions } from 'graphql-sse/lib/use/express';
import type { ServerResponse } from 'node:http';

@Controller('stream')
export class StreamController implements OnModuleDestroy {
  private readonly open = new Set<Response>();
  private isClosing = false;
  private readonly handle: (request: Request, response: Response) => Promise<void>;

  constructor(schemas: GraphQLSchemaHost) {
    const options: HandlerOptions = {
      schema: () => schemas.schema,
      // What guards and resolvers see as the context of GraphQL.
      context: (request) => ({ req: request.raw }) as never,
      // Without it, graphql-sse queues what a slow client has not read.
      onNext: (_context, { context }) => written(context.res),
    };
    this.handle = createHandler(options);
  }

  @All()
  async stream(@Req() request: Request, @Res() response: Response): Promise<void> {
    if (this.isClosing) {
      response.sendStatus(503);
      return;
    }
    this.open.add(response);
    response.once('close', () => this.open.delete(response));
    try {
      await this.handle(request, response);
    } catch (error) {
      // The client connects again.
      response.destroy(error as Error);
    }
  }

  /** Apollo would wait for them for ten seconds. Clients connect again, to another node. */
  onModuleDestroy(): void {
    this.isClosing = true;
    for (const response of this.open) response.destroy();
  }
}

/** Resolves once everything before is on its way. */
async function written(response: ServerResponse): Promise<void> {
  if (response.headersSent) await new Promise((resolve) => response.write('', resolve));
}
