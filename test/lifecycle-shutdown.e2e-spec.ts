import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { PushLifecycle, PushModule } from 'nestjs-push';
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterTest } from './support/cleanup.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';
import { openHandshake } from './support/ws-frames.js';

const open = { topics: [{ pattern: 'news.>', access: 'public' as const }] };
const events = '/push/events?topic=news.>';

/** A shutdown that waits for this limit takes longer than a test may. */
const unlimited = { ...open, shutdownTimeout: 600_000 };

/** Begins to drain, and waits until newcomers are refused. */
function drain(app: RunningApp): Promise<void> {
  const drained = app.nest.get(PushLifecycle).drain();
  expect(app.nest.get(PushLifecycle).ready).toBe(false);
  return drained;
}

describe.each(platforms)('A shutdown on %s', (platform) => {
  it('tells clients to come back, ends their connections cleanly, and returns', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot(unlimited)] });
    const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(app.url(events))));
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openWs(app.webSocketUrl())));
    await app.nest.close();
    for (const stream of streams) {
      await stream.untilEnd();
      expect(stream.response.complete).toBe(true);
      expect(stream.blocks.at(-1)).toMatch(/^retry: \d+$/);
    }
    for (const socket of sockets) {
      expect(await socket.untilClosed()).toEqual({ code: 1012, reason: 'drain' });
      expect(socket.all('drain')).toEqual([{ delay: expect.any(Number) as number }]);
    }
    const retries = new Set(streams.map((stream) => stream.blocks.at(-1)));
    expect(retries.size).toBeGreaterThan(10);
  });

  it('cuts off who does not leave in time', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ ...unlimited, shutdownTimeout: 400 })],
    });
    const deaf = await openWs(app.webSocketUrl());
    deaf.socket.pause();
    const stalled = await openStream(app.url(events));
    stalled.response.socket.pause();
    const block = 'x'.repeat(200_000);
    for (let count = 0; count < 50; count++) await app.bus.publish('news.big', block);
    await app.nest.close();
  });

  it('answers newcomers 503 with Retry-After, while events still reach who is there', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot(open)] });
    const deaf = await openWs(app.webSocketUrl());
    await deaf.subscribe('news.>');
    // A client that does not answer the close keeps the drain open for as long as the test looks at it.
    deaf.socket.pause();
    const drained = drain(app);
    const refused = await openSse(app.url(events));
    expect(refused.status).toBe(503);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    const upgrade = await openHandshake(app.port);
    await upgrade.until(() => upgrade.text.includes('\r\n\r\n'));
    expect(upgrade.text).toMatch(/^HTTP\/1\.1 503 /);
    expect(upgrade.text).toMatch(/^Retry-After: [1-9]/m);
    expect((await app.bus.publish('news.a', 1)).length).toBeGreaterThan(0);
    app.nest.get(PushLifecycle).abort();
    await drained;
  });
});

describe.each<Platform>(['express', 'fastify', 'fastify with TLS'])(
  'Connections of %s without a request',
  (platform) => {
    const answering = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';

    @Controller()
    class SlowController {
      begun = () => undefined as void;
      end = () => undefined as void;

      @Get('slow')
      async slow(): Promise<string> {
        this.begun();
        await new Promise<void>((resolve) => (this.end = resolve));
        return 'done';
      }
    }

    /** A connection that has said `text`. */
    function say(app: RunningApp, text: string): Promise<Socket> {
      return new Promise((resolve) => {
        const options = { port: app.port, host: '127.0.0.1', rejectUnauthorized: false };
        const said = () => (text ? socket.write(text, () => resolve(socket)) : resolve(socket));
        const socket = app.url('').startsWith('https') ? connectTls(options, said) : connect(options, said);
        socket.on('error', () => undefined).resume();
        afterTest(() => socket.destroy());
      });
    }

    const start = () =>
      startApp(platform, { imports: [PushModule.forRoot(open)], controllers: [SlowController] });

    it('do not hold a shutdown: opened ahead of need, in the middle of a head, kept alive, shaking hands', async () => {
      const app = await start();
      const sockets = [
        await say(app, ''),
        await say(app, 'GET / HTTP/1.1\r\nHost:'),
        await say(app, 'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n'),
      ];
      const answered = once(sockets[2]!, 'data');
      const plain = connect(app.port, '127.0.0.1').on('error', () => undefined);
      await once(plain, 'connect');
      await answered;
      await eventually(() => app.sockets.size === 4);
      await app.nest.close();
      await eventually(() => app.sockets.size === 0);
    });

    it('end with the answer that was on its way when it began', async () => {
      const app = await start();
      const controller = app.nest.get(SlowController);
      const begun = new Promise<void>((resolve) => (controller.begun = resolve));
      const socket = await say(app, answering);
      let answer = '';
      socket.on('data', (data: Buffer) => (answer += data.toString()));
      await begun;
      const closed = app.nest.close();
      await eventually(() => !app.nest.get(PushLifecycle).ready);
      controller.end();
      // Fastify would keep it for 72 seconds.
      await closed;
      await eventually(() => socket.destroyed);
      expect(answer).toContain('done');
    });
  },
);

describe('A shutdown with HTTP/2', () => {
  it('ends streams, sends GOAWAY and returns', async () => {
    @Module({ imports: [PushModule.forRoot(unlimited)] })
    class Root {}
    const app = await NestFactory.create(Root, new FastifyAdapter({ http2: true }), { logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as http2.Http2Server).address() as { port: number };
    const session = http2.connect(`http://127.0.0.1:${port}`);
    afterTest(() => session.destroy());
    const goneAway = new Promise((resolve) => session.once('goaway', resolve));
    const bodies = Array.from({ length: 10 }, () => {
      const stream = session.request({ ':path': events });
      let body = '';
      stream.setEncoding('utf8').on('data', (text: string) => (body += text));
      const ended = new Promise<string>((resolve) => stream.once('end', () => resolve(body)));
      return { ended, begun: new Promise((resolve) => stream.once('data', resolve)) };
    });
    await Promise.all(bodies.map(({ begun }) => begun));
    await app.close();
    await goneAway;
    for (const { ended } of bodies) expect(await ended).toMatch(/retry: \d+\n\n$/);
  });
});
