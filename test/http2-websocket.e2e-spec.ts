import type { PushModuleExtras, PushOptions } from 'nestjs-push';
import { once } from 'node:events';
import { constants, type ClientHttp2Stream, type ServerHttp2Session } from 'node:http2';
import { ending, isFree, openSession, start } from './support/http2-app.js';
import { connectWebSocket, openHttp2WebSocket, speakOn } from './support/http2-websocket.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe('the server', () => {
  it('says that it takes extended CONNECT, in its first SETTINGS', async () => {
    const session = await openSession(await start());
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
  });

  it.each<PushOptions & PushModuleExtras>([
    { websocket: { extendedConnect: false } },
    { transports: ['sse'] },
  ])('does not say so with %j', async (options) => {
    const app = await start(options);
    expect((await openSession(app)).remoteSettings.enableConnectProtocol).toBe(false);
  });
});

describe('extended CONNECT to the path of push', () => {
  it('opens the same gateway, with nothing of HTTP/1.1 in the answer', async () => {
    const app = await start();
    const session = await openSession(app);
    const { stream, head } = await connectWebSocket(session);
    expect(Object.entries(head)).toEqual([
      [':status', 200],
      ['date', expect.any(String)],
    ]);
    const client = speakOn(stream);
    await client.next('hello');
    expect(await client.subscribe('a.*')).toMatchObject({ event: 'subscribed' });
    const id = await app.bus.publish('a.1', 'over HTTP/2');
    await client.untilData(1);
    expect(client.all('message')).toEqual([{ topic: 'a.1', id, data: 'over HTTP/2' }]);
  });

  it('goes on beside wss over HTTP/1.1, on the same port', async () => {
    const app = await start();
    const session = await openSession(app);
    const clients = [
      await openHttp2WebSocket(session),
      await openWs(app.webSocketUrl(), { rejectUnauthorized: false }),
      await openHttp2WebSocket(session),
    ];
    for (const client of clients) await client.subscribe('a.1');
    await app.bus.publish('a.1', 'all');
    for (const client of clients) expect(await client.untilData(1)).toEqual(['all']);
    expect(app.bus.stats()).toMatchObject({ connections: 3, audiences: 1 });
    expect(app.sockets.size).toBe(2);
  });

  it('agrees on compression', async () => {
    const session = await openSession(await start());
    const { head } = await connectWebSocket(session, '/push', {
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
    });
    expect(head).toMatchObject({
      ':status': 200,
      'sec-websocket-extensions': 'permessage-deflate; client_no_context_takeover',
    });
  });
});

describe('the close handshake', () => {
  it('of the client is answered with its own code, and ends the stream without a reset', async () => {
    const app = await start();
    const { stream } = await connectWebSocket(await openSession(app));
    const client = speakOn(stream);
    await client.next('hello');
    client.socket.close(4_321, 'bye');
    expect(await client.untilClosed()).toEqual({ code: 4_321, reason: 'bye' });
    expect(await ending(stream)).toBe(constants.NGHTTP2_NO_ERROR);
    await isFree(app);
  });

  it('of the server says why, and leaves the other streams alone', async () => {
    const app = await start({ websocket: { maxMessageBytes: 100 } });
    const session = await openSession(app);
    const [loud, quiet] = [await openHttp2WebSocket(session), await openHttp2WebSocket(session)];
    loud.send('x'.repeat(101));
    expect(await loud.untilClosed()).toMatchObject({ code: 1009 });
    expect(await quiet.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
  });

  it('of a server that shuts down is 1012, then GOAWAY ends the session', async () => {
    const app = await start();
    const session = await openSession(app);
    const client = await openHttp2WebSocket(session);
    const isGone = once(session, 'close');
    await app.nest.close();
    expect(await client.untilClosed()).toEqual({ code: 1012, reason: 'drain' });
    expect(client.all('drain')).toHaveLength(1);
    await isGone;
  });

  it('that never comes is a reset with CANCEL: the server’s of a client that does not answer', async () => {
    const app = await start({ heartbeat: 100 });
    const session = await openSession(app);
    const { stream } = await connectWebSocket(session);
    stream.resume();
    expect(await ending(stream)).toBe(constants.NGHTTP2_CANCEL);
    await isFree(app);
    expect(session.destroyed).toBe(false);
  });

  it.each([
    ['a reset', (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['the end of its stream', (stream: ClientHttp2Stream) => stream.end()],
    ['the end of its session', (stream: ClientHttp2Stream) => stream.session!.destroy()],
  ])('that never comes: %s by the client frees everything', async (_, leave) => {
    const app = await start();
    const client = await connectWebSocket(await openSession(app));
    await eventually(() => app.bus.stats().connections === 1);
    leave(client.stream);
    await isFree(app);
    expect((await openHttp2WebSocket(await openSession(app))).closed).toBeUndefined();
  });
});

describe('back-pressure', () => {
  const large = 'x'.repeat(64 * 1024);

  it('holds a stream that is not read, and no other of its session; nothing is lost', async () => {
    const app = await start();
    const session = await openSession(app);
    const [slow, fast] = [await openHttp2WebSocket(session), await openHttp2WebSocket(session)];
    for (const client of [slow, fast]) await client.subscribe('a.1');
    slow.socket.pause();
    const count = 100;
    for (let n = 0; n < count; n++) {
      await app.bus.publish('a.1', `${n} ${large}`);
      await fast.untilData(n + 1);
    }
    expect(app.bus.stats()).toMatchObject({ lagging: 1, gaps: 0 });
    expect(slow.data.length).toBeLessThan(count);
    slow.socket.resume();
    await slow.untilData(count);
    const numbers = slow.data.map((data) => Number.parseInt(data as string, 10));
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(app.bus.stats()).toMatchObject({ lagging: 0, gaps: 0 });
  });

  it('a client that does not read its answers is not read itself, until it does', async () => {
    const app = await start({ limits: { messages: { perSecond: 1e9, burst: 1e9 } } });
    const session = await openSession(app);
    const [deaf, other] = [await openHttp2WebSocket(session), await openHttp2WebSocket(session)];
    const roundTrip = () => new Promise<void>((resolve) => session.ping(() => resolve()));
    deaf.socket.pause();
    const count = 5_000;
    for (let n = 0; n < count; n++)
      deaf.send({ event: 'nonsense', data: { ref: 'r'.repeat(64) }, padding: 'x'.repeat(200) });
    let [before, still] = [Infinity, 0];
    while (still < 20) {
      await roundTrip();
      still = deaf.socket.bufferedAmount === before ? still + 1 : 0;
      before = deaf.socket.bufferedAmount;
    }
    expect(before).toBeGreaterThan(100_000);
    expect(await other.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
    deaf.socket.resume();
    await deaf.until(() => deaf.all('error').length === count);
  });
});

describe('one session', () => {
  it('carries 200 WebSockets that come, listen and go, and has its idle timeout back after them', async () => {
    const app = await start({ limits: { connectionsPerAddress: 1_000 } });
    const appeared = once(app.server, 'session') as Promise<[ServerHttp2Session]>;
    const session = await openSession(app);
    const [ofServer] = await appeared;
    const timeouts: number[] = [];
    const setTimeout = ofServer.setTimeout.bind(ofServer);
    ofServer.setTimeout = (milliseconds, callback) => {
      timeouts.push(milliseconds);
      setTimeout(milliseconds, callback);
    };
    const clients = await Promise.all(Array.from({ length: 200 }, () => openHttp2WebSocket(session)));
    await Promise.all(clients.map((client) => client.subscribe('a.1')));
    for (let n = 0; n < 20; n++) await app.bus.publish('a.1', n);
    for (const client of clients) expect(await client.untilData(20)).toHaveLength(20);
    clients.forEach((client, n) => (n % 2 ? client.socket.close() : client.socket.terminate()));
    await isFree(app);
    // Fastify's default.
    expect(timeouts).toEqual([0, 72_000]);
    expect(app.sockets.size).toBe(1);
    expect((await openHttp2WebSocket(session)).closed).toBeUndefined();
  });
});
