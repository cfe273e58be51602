import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterTest } from './support/cleanup.js';
import { connectRaw, openRaw } from './support/raw-socket.js';
import { as } from './support/roles.js';
import { start, stream } from './support/rooms-app.js';
import { openStream } from './support/sse-reader.js';
import { platforms } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';
import { clientFrame, handshakeHeaders } from './support/ws-frames.js';

describe('a client that takes nothing of what waits for it', () => {
  it.each([
    ['a stream', `GET ${stream} HTTP/1.1`, ''],
    ['a WebSocket that says that it lives', 'GET /push HTTP/1.1', clientFrame('', { opcode: 10 })],
  ])('%s: loses its place after stallTimeout; who reads stays', async (_, request, alive) => {
    const app = await start({ heartbeat: 500, limits: { stallTimeout: 3_000 } });
    const client = await openRaw(
      app.port,
      request,
      'Host: x',
      'Authorization: Bearer ann',
      ...(alive ? handshakeHeaders() : []),
    );
    await client.untilText('\r\n\r\n');
    if (alive) client.send(clientFrame('{"event":"subscribe","data":{"topics":["public.x"]}}'));
    await eventually(() => app.bus.stats().subscriptions === 1);
    const reader = await openStream(app.url(stream), as('bob'));
    const isAlive = setInterval(() => alive && client.send(alive), 20);
    afterTest(() => clearInterval(isAlive));
    client.socket.pause();
    for (let n = 0; n < 100; n++) await app.bus.publish('public.x', 'x'.repeat(200_000));
    await reader.until(() => reader.body.length > 100 * 200_000);
    await eventually(() => app.bus.stats().connections === 1);
    await app.bus.publish('public.x', 'end');
    await reader.until(() => reader.body.endsWith('"end"}\n\n'));
  });
});

describe.each(platforms)('a connection that dawdles on %s', (platform) => {
  it('is dropped when its first head is late', async () => {
    const app = await start({ limits: { handshakeTimeout: 1_500 } }, platform);
    const silent = connect(app.port, '127.0.0.1');
    const slow = connect(app.port, '127.0.0.1');
    slow.write('GET /push HTTP/1.1\r\nHost: x\r\n');
    const trickle = setInterval(() => slow.write('X-A: b\r\n'), 20);
    afterTest(() => clearInterval(trickle));
    const closed = [silent, slow].map(
      (socket) =>
        new Promise((resolve) =>
          socket
            .on('error', () => undefined)
            .on('close', resolve)
            .resume(),
        ),
    );
    const settled = await openWs(app.webSocketUrl(), as('ann'));
    const reader = await openStream(app.url(stream), as('ann'));
    await Promise.all(closed);
    await app.bus.publish('public.x', 1);
    await reader.untilEvents(1);
    expect(settled.closed).toBeUndefined();
  });
});

describe.each([2 ** 40, Infinity])('time limits of %d ms, which no timer of Node can wait for', (time) => {
  const limits = {
    handshakeTimeout: time,
    decisionTimeout: time,
    firstMessageTimeout: time,
    stallTimeout: time,
  };

  it('let a TLS handshake take its time', async () => {
    const app = await start({ limits }, 'fastify with TLS');
    const early = await connectRaw(app.port);
    await eventually(() => app.sockets.size === 1);
    // A whole connection of another client: far longer than a timer that fires at once.
    const other = await openWs(app.webSocketUrl(), { ...as('ann'), rejectUnauthorized: false });
    expect(other.messages[0]).toMatchObject({ event: 'hello' });
    expect(early.isClosed).toBe(false);
    const late = connectTls({ socket: early.socket, rejectUnauthorized: false });
    await once(late, 'secureConnect');
    late.write(
      'GET /push/events?topic=public.x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\n\r\n',
    );
    const [head] = (await once(late, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('let the body of a request take its time', async () => {
    const app = await start({ limits });
    const body = '{"topic":"rooms.1","data":1}';
    const client = await connectRaw(app.port);
    client.send(
      `POST /push/publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await eventually(() => app.sockets.size === 1);
    await openWs(app.webSocketUrl(), as('bob'));
    client.send(body.slice(5));
    expect(await client.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 20\d /);
    expect(app.bus.stats().window.events).toBe(1);
  });

  it('let a client take its time with its first message', async () => {
    const app = await start({ limits, websocket: { firstMessage: true } });
    const client = connectWs(app.webSocketUrl());
    await once(client.socket, 'open');
    await openWs(app.webSocketUrl(), as('bob'));
    client.send({ event: 'authenticate', data: { token: 'ann' } });
    await client.until(() => client.messages.length > 0 || client.closed !== undefined);
    expect(client.messages[0]).toMatchObject({ event: 'hello' });
  });
});
