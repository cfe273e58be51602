import { connect, type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { Controller, Get } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import {
  endHeaders,
  endStream,
  frame,
  FrameType,
  headerBlock,
  preface,
  resetFrame,
} from './support/http2-frames.js';
import { RawSocket } from './support/raw-socket.js';
import { startApp } from './support/start-app.js';

let handled = 0;

@Controller()
class PageController {
  @Get('page')
  page(): string {
    handled++;
    return 'page';
  }
}

async function start(): Promise<number> {
  handled = 0;
  const app = await startApp('fastify over HTTP/2', {
    imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }] })],
    controllers: [PageController],
  });
  return (app.server.address() as { port: number }).port;
}

function openSession(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`).on('error', () => undefined);
  afterTest(() => session.destroy());
  return session;
}

/** The status of a page that is asked for; undefined if it never comes. */
function ask(session: ClientHttp2Session, path = '/page'): Promise<number | undefined> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': path });
    stream.on('response', (headers) => resolve(headers[':status']));
    stream.on('error', () => undefined).on('close', () => resolve(undefined));
    stream.resume().end();
  });
}

/** So many requests, each of which is reset `late` streams later: in one write. */
function abandoned(count: number, late: number): Buffer {
  const fields = { ':method': 'GET', ':scheme': 'http', ':authority': 'x', ':path': '/page' };
  const block = headerBlock(fields);
  const frames = Array.from({ length: count }, (_, n) => {
    const asked = frame(FrameType.headers, endStream | endHeaders, 2 * n + 1, block);
    return n < late ? asked : Buffer.concat([asked, resetFrame(2 * (n - late) + 1)]);
  });
  return Buffer.concat([preface, ...frames]);
}

describe('streams that are reset as soon as they are asked for', () => {
  it.each([0, 1, 50])(
    '%d streams later: the application learns of few, and the session ends',
    async (late) => {
      const port = await start();
      const honest = openSession(port);
      expect(await ask(honest)).toBe(200);
      const raw = new RawSocket(connectTcp(port, '127.0.0.1'));
      afterTest(() => raw.socket.destroy());
      raw.send(abandoned(5_000, late));
      await raw.untilClosed();
      expect(await ask(honest)).toBe(200);
      // Without a gate, all that Node itself lets through: a thousand and more.
      expect(handled).toBeLessThan(500);
    },
  );

  it('cost nobody an answer who asks for many at once and waits', async () => {
    const port = await start();
    const sessions = Array.from({ length: 5 }, () => openSession(port));
    const answers = sessions.flatMap((session) => Array.from({ length: 200 }, () => ask(session)));
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    expect(handled).toBe(1_000);
  });

  it('cost nobody a session who changes its mind now and then', async () => {
    const port = await start();
    const session = openSession(port);
    expect(await ask(session)).toBe(200);
    for (let round = 0; round < 4; round++) {
      const streams = Array.from({ length: 20 }, () => session.request({ ':path': '/page' }));
      const closed = streams.map((stream) => new Promise((resolve) => stream.on('close', resolve)));
      for (const stream of streams) stream.on('error', () => undefined).close(8);
      await Promise.all(closed);
    }
    expect(await ask(session)).toBe(200);
  });
});
