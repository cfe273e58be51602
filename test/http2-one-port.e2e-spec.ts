import { PushModule } from 'nestjs-push';
import { once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { afterTest } from './support/cleanup.js';
import { Http2Probe } from './support/http2-probe.js';
import { openHttp2Sse } from './support/http2-sse.js';
import { openHttp2WebSocket } from './support/http2-websocket.js';
import { page, PageController, probe, start } from './support/one-port-app.js';
import { openStream } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe('one TLS port', () => {
  it('serves the page with its pushed style sheet, SSE and WebSocket, each over HTTP/2 and HTTP/1.1', async () => {
    const app = await start();
    const client = await probe(app);
    const { session } = client;
    const answer = await client.get('/');
    expect(answer.body.toString()).toBe(page);
    expect((await client.pushed('/style.css')).headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/css',
    });

    const streams = [
      (await openHttp2Sse(session, '/events')).reader,
      (await openHttp2Sse(session, '/piped')).reader,
      (await openHttp2Sse(session, '/push/events?topic=a.*')).reader,
      await openStream(app.url('/events')),
      await openStream(app.url('/piped')),
    ];
    const sockets = [
      await openHttp2WebSocket(session),
      await openWs(app.webSocketUrl(), { rejectUnauthorized: false }),
    ];
    for (const socket of sockets) await socket.subscribe('a.1');
    const id = await app.bus.publish('a.1', 'to all');
    for (const stream of streams) {
      expect(await stream.untilEvents(1)).toMatchObject([{ id, data: expect.stringContaining('to all') }]);
    }
    for (const socket of sockets) expect(await socket.untilData(1)).toEqual(['to all']);
    expect((await client.get('/style.css')).body.toString()).toContain('rgb');
    // One connection of HTTP/2 for everything, and one of HTTP/1.1 for each stream and socket.
    expect(app.sockets.size).toBe(1 + 2 + 1);
    expect(app.bus.stats().connections).toBe(7);
  });

  it('and clear-text HTTP/2, between services, does the same', async () => {
    const app = await startApp('fastify over HTTP/2', {
      controllers: [PageController],
      imports: [PushModule.forRoot({ topics: [{ pattern: 'a.>', access: 'public' }] })],
    });
    const { port } = app.server.address() as { port: number };
    const client = await Http2Probe.connect(`http://127.0.0.1:${port}`);
    afterTest(() => client.close());
    await client.get('/');
    expect((await client.pushed('/style.css')).code).toBe(0);
    const { reader } = await openHttp2Sse(client.session, '/events');
    const socket = await openHttp2WebSocket(client.session);
    await socket.subscribe('a.1');
    await app.bus.publish('a.1', 'service to service');
    expect(await reader.untilEvents(1)).toMatchObject([{ data: 'service to service' }]);
    expect(await socket.untilData(1)).toEqual(['service to service']);
  });
});

describe('SSE over HTTP/2', () => {
  it.each(['/events', '/piped', '/push/events?topic=a.1'])(
    '%s has no header of an HTTP/1.1 connection',
    async (path) => {
      const { head } = await openHttp2Sse((await probe(await start())).session, path);
      expect(head).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' });
      const ofHttp1 = /^(connection|keep-alive|transfer-encoding|upgrade)$/;
      expect(Object.keys(head).filter((name) => ofHttp1.test(name))).toEqual([]);
    },
  );

  it.each(['/events', '/push/events?topic=a.1'])(
    'a stream of %s that is not read holds up none of its siblings on the session, and loses nothing',
    async (path) => {
      const app = await start();
      const { session } = await probe(app);
      const slow = await openHttp2Sse(session, path);
      const { reader: fast } = await openHttp2Sse(session, path);
      const socket = await openHttp2WebSocket(session);
      await socket.subscribe('a.1');
      slow.stream.pause();
      const large = 'x'.repeat(64 * 1024);
      const count = 60;
      for (let n = 0; n < count; n++) {
        await app.bus.publish('a.1', `${n} ${large}`);
        await socket.untilData(n + 1);
      }
      await fast.until(() => fast.body.includes(`${count - 1} x`));
      expect(app.bus.stats()).toMatchObject({ lagging: 1, gaps: 0 });
      expect(slow.reader.body).not.toContain(`${count - 1} x`);
      slow.stream.resume();
      await slow.reader.until(() => slow.reader.body.includes(`${count - 1} x`));
      await eventually(() => app.bus.stats().lagging === 0);
      expect(slow.reader.body.match(/\d+ (?=xxx)/g)!.map(Number)).toEqual(
        Array.from({ length: count }, (_, n) => n),
      );
      expect(app.bus.stats().gaps).toBe(0);
    },
  );

  it('100 streams of one session come, get every event and go, and push touches nothing of its socket but the idle timeout', async () => {
    const app = await start();
    const appeared = once(app.server, 'session') as Promise<[ServerHttp2Session]>;
    const client = await probe(app);
    const [ofServer] = await appeared;
    const touched: string[] = [];
    ofServer.setTimeout = () => void touched.push('timeout');
    for (const socket of app.sockets) {
      for (const method of ['setTimeout', 'setKeepAlive', 'setNoDelay'] as const) {
        socket[method] = () => {
          touched.push(method);
          return socket;
        };
      }
    }
    const streams = await Promise.all(
      Array.from({ length: 100 }, (_, n) => openHttp2Sse(client.session, n % 2 ? '/events' : '/piped')),
    );
    for (let n = 0; n < 10; n++) await app.bus.publish('a.1', n);
    for (const { reader } of streams) expect(await reader.untilEvents(10)).toHaveLength(10);
    streams.forEach(({ stream }) => stream.close());
    await eventually(() => app.bus.stats().connections === 0);
    // It is suspended while the session carries clients.
    expect([...new Set(touched)]).toEqual(['timeout']);
    expect((await client.get('/style.css')).code).toBe(0);
    expect(ofServer.listenerCount('close')).toBeLessThan(10);
  });

  it('resumes on another connection, whatever carries it', async () => {
    const app = await start();
    const { reader, stream } = await openHttp2Sse((await probe(app)).session, '/events');
    await app.bus.publish('a.1', 1);
    await reader.untilEvents(1);
    stream.close();
    await app.bus.publish('a.1', 2);
    const headers = { 'last-event-id': reader.lastEventId };
    const again = (await openHttp2Sse((await probe(app)).session, '/events', headers)).reader;
    const older = await openStream(app.url('/events'), { headers });
    expect((await again.untilEvents(1)).map(({ data }) => data)).toEqual(['2']);
    expect((await older.untilEvents(1)).map(({ data }) => data)).toEqual(['2']);
  });
});
