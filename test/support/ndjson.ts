import { Controller, Get, Module, Req, Res } from '@nestjs/common';
import { PushError } from 'nestjs-push';
import { codecOf, Door, messageDialect, messageText, whenClosed, type Outlet } from 'nestjs-push/transport';
import type { IncomingMessage, ServerResponse } from 'node:http';

const line = (text: string) => Buffer.from(`${text}\n`);

/** The messages of PROTOCOL.md, one a line. */
const dialect = messageDialect(
  codecOf((event) => line(messageText(event))),
  (message) => line(JSON.stringify(message)),
);

/** The body of a response. */
class BodyOutlet implements Outlet {
  constructor(private readonly response: ServerResponse) {}

  get isFull(): boolean {
    return this.response.writableNeedDrain;
  }

  write(bytes: Buffer): boolean {
    return this.response.writableEnded || this.response.destroyed || this.response.write(bytes);
  }

  onDrain(listener: () => void): void {
    this.response.on('drain', listener);
  }

  onClosed(listener: () => void): void {
    whenClosed(this.response, listener);
  }

  together(run: () => void): void {
    this.response.cork();
    run();
    this.response.uncork();
  }

  end(): void {
    this.response.end();
  }

  destroy(): void {
    this.response.destroy();
  }
}

/** `GET /ndjson?topic=…&topic=…&from=…` */
@Controller('ndjson')
class NdjsonController {
  constructor(private readonly door: Door) {}

  @Get()
  async stream(@Req() request: Raw<IncomingMessage>, @Res() reply: Raw<ServerResponse>): Promise<void> {
    reply.hijack?.();
    const [incoming, response] = [request.raw ?? request, reply.raw ?? reply];
    const query = new URL(incoming.url!, 'http://localhost').searchParams;
    const topics = query.getAll('topic');
    try {
      const outlet = new BodyOutlet(response);
      const client = await this.door.admit(incoming, { transport: 'ndjson', outlet, topics });
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
      if (!client.begin(dialect)) return;
      client.read(topics, query.get('from') ?? 'now', (id) => {
        client.send({ event: 'subscribed', data: { topics, id } });
      });
    } catch (error) {
      const { status = 500, code, message } = error as PushError;
      response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(JSON.stringify({ code, message }));
    }
  }
}

/** As Express has it, or wrapped by Fastify. */
type Raw<T> = T & { readonly raw?: T; hijack?(): void };

@Module({ controllers: [NdjsonController] })
export class NdjsonModule {}
