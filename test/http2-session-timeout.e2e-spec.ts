import { once } from 'node:events';
import { connect, type ClientHttp2Session, type Http2Server } from 'node:http2';
import { Controller, Get } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { nestMajor } from './support/nest.js';
import { startApp } from './support/start-app.js';

/** When an application ends its idle sessions, in milliseconds; long enough for a slow machine to serve a request. */
const timeout = 2_000;

@Controller()
class PageController {
  @Get('page')
  page(): string {
    return 'page';
  }
}

/** Opens sessions to an application that does what Fastify does for `http2SessionTimeout`. */
async function start(): Promise<() => ClientHttp2Session> {
  const app = await startApp('fastify over HTTP/2', {
    imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }] })],
    controllers: [PageController],
  });
  const server = app.server as unknown as Http2Server;
  server.on('session', (session) => session.setTimeout(timeout, () => session.close()));
  const { port } = app.server.address() as { port: number };
  return () => {
    const session = connect(`http://127.0.0.1:${port}`);
    afterTest(() => session.destroy());
    return session;
  };
}

/** Asks for `path`. Resolves with its stream once it has answered with 200. */
async function ask(session: ClientHttp2Session, path: string) {
  const stream = session.request({ ':path': path });
  const [headers] = (await once(stream.resume(), 'response')) as [{ ':status': number }];
  expect(headers[':status']).toBe(200);
  return stream;
}

describe('The timeout of an HTTP/2 session', () => {
  it('does not end one that carries a client, and ends it after its last client', async () => {
    const open = await start();
    const carrier = open();
    const [first, second] = [
      await ask(carrier, '/push/events?topic=news.a'),
      await ask(carrier, '/push/events?topic=news.b'),
    ];
    const other = open();
    await ask(other, '/page');
    await once(other, 'close');
    // Had it been timed out, this would fail: nothing was written to it for longer than to the other.
    await ask(carrier, '/page');
    first.close();
    const next = open();
    await ask(next, '/page');
    await once(next, 'close');
    await ask(carrier, '/page');
    second.close();
    // For every @Sse() route Nest 11 switches it off for good, on the session that the streams share; Nest 12 does not.
    if (nestMajor >= 12) await once(carrier, 'close');
  });
});
