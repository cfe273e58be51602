import { IoAdapter } from '@nestjs/platform-socket.io';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { PushWsAdapter } from 'nestjs-push';
import type { IncomingMessage } from 'node:http';
import { constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import { io } from 'socket.io-client';
import { WebSocketServer } from 'ws';
import { afterTest } from './support/cleanup.js';
import { ending, openSession, start } from './support/http2-app.js';
import { Http2Tunnel } from './support/http2-tunnel.js';
import {
  connectWebSocket,
  openHttp2WebSocket,
  requestWebSocket,
  speakOn,
} from './support/http2-websocket.js';

describe('who else takes upgrades', () => {
  @WebSocketGateway({ path: '/chat' })
  class ChatGateway {
    @SubscribeMessage('say')
    say(@MessageBody() said: string) {
      return { event: 'said', data: { said } };
    }
  }

  @WebSocketGateway()
  class ShoutGateway {
    @SubscribeMessage('shout')
    shout(@MessageBody() said: string): string {
      return said.toUpperCase();
    }
  }

  it('an application’s own gateways are reached as well', async () => {
    const app = await start({}, { providers: [ChatGateway] });
    const client = speakOn((await connectWebSocket(await openSession(app), '/chat?room=1')).stream);
    client.send({ event: 'say', data: 'hi' });
    expect(await client.next('said')).toEqual({ said: 'hi' });
  });

  it('and listeners that know nothing of HTTP/2, with the subprotocol that they choose', async () => {
    const echo = new WebSocketServer({ noServer: true });
    echo.on('connection', (client) => client.on('message', (data) => client.send(data.toString())));
    const app = await start({}, {}, (nest) =>
      nest.getHttpServer().on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url === '/echo')
          echo.handleUpgrade(request, socket, head, (client) => echo.emit('connection', client, request));
      }),
    );
    const { stream, head } = await connectWebSocket(await openSession(app), '/echo', {
      'sec-websocket-protocol': 'graphql-ws, other',
    });
    expect(head).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'graphql-ws' });
    const client = speakOn(stream);
    client.send({ event: 'echo', data: {} });
    expect(await client.next('echo')).toEqual({});
  });

  it.each<[string, (socket: Duplex) => unknown, number | undefined, number]>([
    ['no HTTP', (socket) => socket.write('hello\r\n\r\n'), 502, constants.NGHTTP2_NO_ERROR],
    ['no head', (socket) => socket.write('x'.repeat(20_000)), 502, constants.NGHTTP2_NO_ERROR],
    [
      'a head that HTTP/2 does not take',
      (socket) => socket.write('HTTP/1.1 200 OK\r\na b: c\r\n\r\n'),
      502,
      0,
    ],
    ['nothing', (socket) => socket.end(), undefined, constants.NGHTTP2_CANCEL],
    [
      'a head in pieces',
      (socket) =>
        ['HTTP/1.1 403 No\r', '\nX: y\r\n\r', '\nno'].map((piece) => socket.write(piece)) && socket.end(),
      403,
      0,
    ],
  ])('a listener that answers %s ends nothing but its stream', async (_, answer, status, code) => {
    const app = await start({}, {}, (nest) =>
      nest.getHttpServer().on('upgrade', ({ url }: IncomingMessage, socket: Duplex) => {
        if (url === '/odd') answer(socket);
      }),
    );
    const session = await openSession(app);
    const stream = requestWebSocket(session, '/odd');
    let head: Record<string, unknown> = {};
    stream.once('response', (headers) => (head = headers)).resume();
    stream.once('end', () => stream.end());
    expect(await ending(stream)).toBe(code);
    expect(head[':status']).toBe(status);
    expect((await openHttp2WebSocket(session)).closed).toBeUndefined();
  });

  it('and socket.io', async () => {
    const app = await start({}, { providers: [ShoutGateway] }, (nest) =>
      nest.useWebSocketAdapter(new PushWsAdapter(nest, { fallback: new IoAdapter(nest) })),
    );
    const tunnel = await Http2Tunnel.start(app.url(''));
    afterTest(() => tunnel.close());
    const client = io(`http://127.0.0.1:${tunnel.port}/`, { transports: ['websocket'], reconnection: false });
    afterTest(() => client.disconnect());
    expect(await client.emitWithAck('shout', 'hello')).toBe('HELLO');
    const push = await openHttp2WebSocket(await openSession(app));
    expect(await push.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
  });
});
