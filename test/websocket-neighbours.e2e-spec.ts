import type { INestApplication, Provider } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { PushModule, PushWsAdapter } from 'nestjs-push';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { io, type Socket } from 'socket.io-client';
import { WebSocketServer } from 'ws';
import { afterTest } from './support/cleanup.js';
import { startOpen, works } from './support/open-app.js';
import { openRaw } from './support/raw-socket.js';
import { createApp, platforms, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs } from './support/ws-client.js';
import { openHandshake } from './support/ws-frames.js';

@WebSocketGateway({ path: '/chat' })
class ChatGateway {
  @SubscribeMessage('say')
  say(@MessageBody() text: string) {
    return { event: 'said', data: { text } };
  }
}

@WebSocketGateway()
class RootGateway {
  @SubscribeMessage('ping')
  ping() {
    return { event: 'pong', data: {} };
  }
}

/** Takes upgrades of its own path, and leaves the others alone, as it should. */
function echoAt(app: INestApplication, path: string): void {
  const echo = new WebSocketServer({ noServer: true });
  const listener = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url !== path) return;
    echo.handleUpgrade(request, socket, head, (client) =>
      client.on('message', (data: Buffer) => client.send(`{"event":"echo","data":${data.toString()}}`)),
    );
  };
  (app.getHttpServer() as { on(event: string, listener: unknown): void }).on('upgrade', listener);
}

describe.each(platforms)('WebSocket beside others on %s', (platform) => {
  const start = (providers?: Provider[], configure?: (app: INestApplication) => unknown) =>
    startOpen(platform, {}, providers, configure);

  it("leaves an application's own ws gateways as they are", async () => {
    const app = await start([ChatGateway, RootGateway]);
    const push = await works(app.webSocketUrl());
    const chat = connectWs(app.webSocketUrl('/chat?room=1'));
    const root = connectWs(app.webSocketUrl('/'));
    chat.socket.on('open', () => chat.send({ event: 'say', data: 'hi' }));
    root.socket.on('open', () => root.send({ event: 'ping' }));
    expect(await chat.next('said')).toEqual({ text: 'hi' });
    expect(await root.next('pong')).toEqual({});
    chat.send('not for anyone');
    expect(push.all('error')).toEqual([]);
    expect(app.bus.stats().connections).toBe(1);
  });

  it("leaves an application's own upgrade listeners alone, whenever they come", async () => {
    const app = await start([ChatGateway], (nest) => echoAt(nest, '/before'));
    echoAt(app.nest, '/after');
    for (const path of ['/before', '/after']) {
      const client = connectWs(app.webSocketUrl(path));
      client.socket.on('open', () => client.send('{"x":1}'));
      expect(await client.next('echo')).toEqual({ x: 1 });
    }
    await works(app.webSocketUrl());
  });

  it('answers 404 to upgrades of paths that nobody has, and closes them', async () => {
    const app = await start([ChatGateway]);
    for (const path of ['/nobody', '/push/', '/PUSH', '//push', '/', '/push/events']) {
      const raw = await openHandshake(app.port, path);
      expect(await raw.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
      await raw.untilClosed();
    }
    await eventually(() => app.sockets.size === 0);
  });

  it('survives clients that are gone before they are answered', async () => {
    const app = await start();
    for (const path of ['/nobody', '/push', '/push?x', '/elsewhere']) {
      for (let n = 0; n < 10; n++) {
        const raw = await openHandshake(app.port, path);
        if (n % 2) await new Promise((resolve) => setImmediate(resolve));
        raw.reset();
      }
    }
    await eventually(() => app.sockets.size === 0 && app.bus.stats().connections === 0);
    await works(app.webSocketUrl());
  });

  it('survives resets of upgrades that are left to other listeners, and does not keep who nobody answers', async () => {
    const app = await start([], (nest) => echoAt(nest, '/other'));
    const kept = await openHandshake(app.port, '/nobody');
    for (let n = 0; n < 10; n++) {
      const raw = await openHandshake(app.port, '/nobody');
      if (n % 2) await eventually(() => app.sockets.size > 1);
      raw.reset();
    }
    await kept.untilClosed();
    await eventually(() => app.sockets.size === 0);
    expect(kept.text).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('refuses handshakes that are none', async () => {
    const app = await start();
    const upgrade = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket'];
    const noKey = await openRaw(app.port, 'GET /push HTTP/1.1', ...upgrade, 'Sec-WebSocket-Version: 13');
    expect(await noKey.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const old = await openHandshake(app.port, '/push', 'Sec-WebSocket-Version: 7');
    expect(await old.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 4\d\d /);
    const post = await openRaw(app.port, 'POST /push HTTP/1.1', ...upgrade, 'Content-Length: 0');
    expect(await post.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 4\d\d /);
    const page = await openRaw(app.port, 'GET /push HTTP/1.1', 'Host: x', 'Connection: close');
    expect(await page.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 /);
  });

  describe('with socket.io', () => {
    @WebSocketGateway()
    class IoGateway {
      @SubscribeMessage('shout')
      shout(@MessageBody() text: string): string {
        return text.toUpperCase();
      }
    }

    const connectIo = (url: string): Socket => {
      const client = io(url, { transports: ['websocket'], reconnection: false });
      afterTest(() => client.disconnect());
      return client;
    };

    it('both work on one port', async () => {
      const app = await start([IoGateway], (nest) =>
        nest.useWebSocketAdapter(new PushWsAdapter(nest, { fallback: new IoAdapter(nest) })),
      );
      const push = await works(app.webSocketUrl());
      const client = connectIo(app.url('/'));
      const polling = io(app.url('/'), { transports: ['polling'], reconnection: false });
      afterTest(() => polling.disconnect());
      const shouts = await Promise.all(
        [client, polling].map((each) => each.emitWithAck('shout', 'hello') as Promise<string>),
      );
      expect(shouts).toEqual(['HELLO', 'HELLO']);
      await app.bus.publish('a.1', 'x');
      expect(await push.untilData(1)).toEqual(['x']);
      const nobody = await openHandshake(app.port, '/nobody');
      await nobody.untilClosed();
      client.disconnect();
      expect(push.closed).toBeUndefined();
    });

    it('alone is refused at start, with what to write', async () => {
      const app = await createApp(
        platform,
        { imports: [PushModule.forRoot()], providers: [IoGateway] },
        (nest) => nest.useWebSocketAdapter(new IoAdapter(nest)),
      );
      afterTest(() => app.close());
      await expect(app.listen(0)).rejects.toMatchObject({
        code: 'WRONG_ADAPTER',
        message: expect.stringContaining(
          'app.useWebSocketAdapter(new PushWsAdapter(app, { fallback: new IoAdapter(app) }))',
        ) as string,
      });
    });

    it('alone is fine for an application that pushes over SSE only', async () => {
      const app = await startApp(
        platform,
        { imports: [PushModule.forRoot({ transports: ['sse'] })], providers: [IoGateway] },
        (nest) => nest.useWebSocketAdapter(new IoAdapter(nest)),
      );
      expect(await connectIo(app.url('/')).emitWithAck('shout', 'x')).toBe('X');
    });
  });

  it('refuses WsAdapter at start, with what to write', async () => {
    const app = await createApp(platform, { imports: [PushModule.forRoot()] }, (nest) =>
      nest.useWebSocketAdapter(new WsAdapter(nest)),
    );
    afterTest(() => app.close());
    await expect(app.init()).rejects.toMatchObject({
      code: 'WRONG_ADAPTER',
      message: expect.stringMatching(/new PushWsAdapter\(app\)[^]*transports: \['sse'\]/) as string,
    });
  });

  it('takes a PushWsAdapter that the application makes itself', async () => {
    const app = await start([ChatGateway], (nest) => nest.useWebSocketAdapter(new PushWsAdapter(nest)));
    await works(app.webSocketUrl());
    const chat = connectWs(app.webSocketUrl('/chat'));
    chat.socket.on('open', () => chat.send({ event: 'say', data: 'hi' }));
    expect(await chat.next('said')).toEqual({ text: 'hi' });
  });
});
