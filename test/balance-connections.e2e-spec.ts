import { Controller, Get, Injectable, Sse } from '@nestjs/common';
import { EventBus, OnPushSubscribe, PushModule, PushSnapshot, type PushOptions } from 'nestjs-push';
import { chatTopics } from 'nestjs-push/ai';
import { once } from 'node:events';
import http2 from 'node:http2';
import { map } from 'rxjs';
import { startChat } from './support/chat-app.js';
import { asked } from './support/chat-client.js';
import { afterTest } from './support/cleanup.js';
import { openHttp2Sse } from './support/http2-sse.js';
import { openHttp2WebSocket } from './support/http2-websocket.js';
import { connectRaw } from './support/raw-socket.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

const path = '/push/events?topic=news.a';

/** Holds what it is told to hold, until it is let go. */
@Injectable()
class Held {
  release: () => void = () => undefined;
  reached = false;

  @PushSnapshot('boards.:id')
  load() {
    return this.wait().then(() => 'the state');
  }

  @OnPushSubscribe()
  async subscribed({ topics }: { topics: readonly string[] }) {
    if (topics.includes('news.held')) await this.wait();
  }

  private wait(): Promise<void> {
    this.reached = true;
    return new Promise((resolve) => (this.release = resolve));
  }
}

@Controller()
class FeedController {
  private finish: (text: string) => void = () => undefined;

  constructor(private readonly bus: EventBus) {}

  @Sse('feed')
  feed() {
    return this.bus.stream('news.a');
  }

  @Sse('piped')
  piped() {
    return this.bus.stream('news.a').pipe(map((message) => message));
  }

  @Get('slow')
  slow(): Promise<string> {
    return new Promise((resolve) => (this.finish = resolve));
  }

  @Get('finish')
  end(): string {
    this.finish('slow');
    return 'finish';
  }
}

/** Each client is sent on at its first heartbeat at which it can go. */
function start(platform: Platform = 'express', options: PushOptions = {}) {
  return startApp(platform, {
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: '>', access: 'public' }],
        heartbeat: 90,
        limits: { connectionAge: 1 },
        ...options,
      }),
    ],
    controllers: [FeedController],
    providers: [Held],
  });
}

describe.each(platforms)('On %s, a stream that is sent on takes its TCP connection along', (platform) => {
  it.each([path, '/feed', '/piped'])('(%s)', async (url) => {
    const app = await start(platform);
    const socket = await connectRaw(app.port);
    socket.send(
      `GET ${url} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nConnection: keep-alive\r\n\r\n`,
    );
    const [head] = (await socket.untilText('\r\n\r\n')).split('\r\n\r\n');
    expect(head).toMatch(/^connection: close$/im);
    expect(head).not.toMatch(/keep-alive/i);
    expect(await socket.untilClosed()).toMatch(/retry: \d+\n\n\r\n0\r\n\r\n$/);
  });

  it('and does not where connections have no age', async () => {
    const app = await start(platform, { limits: {} });
    const socket = await connectRaw(app.port);
    socket.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
    expect(await socket.untilText('retry: ')).toMatch(/^connection: keep-alive$/im);
  });
});

describe('Over HTTP/2, a client that is sent on', () => {
  async function connect(options: PushOptions = {}) {
    const app = await start('fastify with TLS', options);
    const session = http2.connect(app.url(''), { rejectUnauthorized: false });
    session.on('error', () => undefined);
    afterTest(() => session.destroy());
    await once(session, 'remoteSettings');
    const goneAway = once(session, 'goaway') as Promise<[code: number, last: number]>;
    const closed = once(session, 'close');
    return { app, session, goneAway, closed };
  }

  function get(session: http2.ClientHttp2Session, url: string) {
    const stream = session.request({ ':path': url });
    let body = '';
    stream.setEncoding('utf8').on('data', (text: string) => (body += text));
    const done = once(stream, 'end').then(() => body);
    return { stream, done };
  }

  it.each(['/feed', '/piped'])('ends, and its next stream takes another connection (%s)', async (url) => {
    const { session, goneAway, closed } = await connect();
    const { reader } = await openHttp2Sse(session, url);
    expect(await reader.untilEnd()).toMatch(/retry: \d+\n\n$/);
    // No error, and nothing is refused that was under way.
    expect(await goneAway).toMatchObject([0, 2 ** 31 - 1]);
    await closed;
  });

  it('leaves what else the connection carries alone', async () => {
    const { app, session, goneAway } = await connect();
    const slow = get(session, '/slow');
    await openHttp2Sse(session, '/feed');
    await goneAway;
    const other = http2.connect(app.url(''), { rejectUnauthorized: false });
    afterTest(() => other.destroy());
    expect(await get(other, '/finish').done).toBe('finish');
    expect(await slow.done).toBe('slow');
  });

  it('ends as a WebSocket too', async () => {
    const { session, goneAway } = await connect();
    const socket = await openHttp2WebSocket(session);
    expect(await socket.untilClosed()).toEqual({ code: 1012, reason: 'drain' });
    expect(socket.all('drain')).toHaveLength(1);
    expect((await goneAway)[0]).toBe(0);
  });
});

describe('However old it is, a client stays', () => {
  it('while it waits for a snapshot', async () => {
    const app = await start();
    const stream = await openStream(app.url('/push/events?topic=boards.1&from=snapshot'));
    await stream.until(() => stream.body.split('\n:').length > 4 || stream.isEnded);
    expect(stream.isEnded).toBe(false);
    app.nest.get(Held).release();
    await stream.untilEnd();
    expect(stream.data).toEqual([JSON.stringify({ topic: 'boards.1', data: 'the state' })]);
    expect(stream.lastEventId).not.toBe('');
  });

  it('while one of its messages is handled', async () => {
    const app = await start('express', { heartbeat: 1_000 });
    const held = app.nest.get(Held);
    // It may be sent on before it has asked.
    const ask = async () => {
      const socket = await openWs(app.webSocketUrl());
      const answer = socket.ask('subscribe', { topics: ['news.held'] });
      await socket.until(() => held.reached || socket.closed !== undefined);
      return { socket, answer };
    };
    let { socket, answer } = await ask();
    while (!held.reached) ({ socket, answer } = await ask());
    const pings = socket.pings.length;
    await socket.until(() => socket.pings.length > pings + 3 || socket.closed !== undefined);
    held.release();
    expect(await answer).toMatchObject({ event: 'subscribed', topics: ['news.held'] });
    expect((await socket.untilClosed()).code).toBe(1012);
  });

  it('as long as it reads an answer of a chat, which it would take for complete', async () => {
    const { app, script } = await startChat({
      push: { topics: chatTopics(), heartbeat: 60, limits: { connectionAge: 1 } },
    });
    const body = JSON.stringify({ id: 'one', messages: [asked('Hi')] });
    const headers = { 'content-type': 'application/json' };
    const sent = await openSse(app.url('/api/chat'), { method: 'POST', headers, body });
    const answer = await script.answer(1);
    answer.say('One ');
    await sent.until(() => sent.body.includes('One '));
    const heartbeats = () => sent.body.split('\n:').length;
    const before = heartbeats();
    await sent.until(() => heartbeats() > before + 3 || sent.isEnded);
    answer.say('two');
    answer.finish();
    expect(await sent.untilEnd()).toMatch(/two.*\[DONE\]\n\n$/s);
  });
});
