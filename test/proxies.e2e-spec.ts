import { Controller, Get, Sse } from '@nestjs/common';
import { EventBus, PushModule, PushResources } from 'nestjs-push';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { map } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { startNginx } from './support/nginx.js';
import { openStream } from './support/sse-reader.js';
import { platforms, startApp } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

@Controller()
class NewsController {
  constructor(private readonly bus: EventBus) {}

  @Get('page')
  @PushResources('/style.css')
  page() {
    return 'page';
  }

  @Sse('piped')
  piped() {
    return this.bus.stream('news.a').pipe(map((message) => message));
  }
}

describe.each(platforms)('Behind nginx, %s', (platform) => {
  it('delivers at once over SSE and WebSocket, and heartbeats outlive a short proxy_read_timeout', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ heartbeat: 2_000, topics: [{ pattern: 'news.>', access: 'public' }] })],
      controllers: [NewsController],
    });
    const port = await startNginx([app.port], '9s');
    const direct = await openStream(`http://127.0.0.1:${port}/push/events?topic=news.>`);
    const piped = await openStream(`http://127.0.0.1:${port}/piped`);
    const socket = await openWs(`ws://127.0.0.1:${port}/push`);
    await socket.subscribe('news.>');

    await app.bus.publish('news.a', 1);
    await Promise.all([direct.untilEvents(1), piped.untilEvents(1), socket.untilData(1)]);

    // Quiet for longer than nginx waits: only heartbeats keep the connections.
    const quiet = Date.now();
    await direct.until(() => Date.now() - quiet > 10_000);
    await app.bus.publish('news.a', 2);
    await Promise.all([direct.untilEvents(2), piped.untilEvents(2), socket.untilData(2)]);
    expect([direct.isEnded, piped.isEnded, socket.closed]).toEqual([false, false, undefined]);
  });

  it('delivers at once even where nginx is told to gzip event streams', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }] })],
    });
    const port = await startNginx([app.port]);
    const abort = new AbortController();
    afterTest(() => abort.abort());
    const response = await fetch(`http://127.0.0.1:${port}/push/events?topic=news.a&from=earliest`, {
      headers: { 'accept-encoding': 'gzip' },
      signal: abort.signal,
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let body = '';
    const until = async (text: string) => {
      while (!body.includes(text)) body += (await reader.read()).value ?? '';
    };
    await until('retry: ');
    for (const text of ['first', 'second']) {
      await app.bus.publish('news.a', text);
      await until(text);
    }
  });

  it('drains through the proxy, and clients are told when to come back', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }] })],
    });
    const port = await startNginx([app.port]);
    const stream = await openStream(`http://127.0.0.1:${port}/push/events?topic=news.a`);
    const socket = await openWs(`ws://127.0.0.1:${port}/push`);
    await app.nest.close();
    await stream.untilEnd();
    expect(stream.blocks.at(-1)).toMatch(/^retry: \d+$/);
    expect(stream.response.complete).toBe(true);
    expect((await socket.untilClosed()).code).toBe(1012);
  });

  it('passes pages on with the resources in their Link header', async () => {
    const app = await startApp(platform, { imports: [PushModule.forRoot()], controllers: [NewsController] });
    const port = await startNginx([app.port]);
    // As a browser asks for a page; fetch() would say otherwise.
    const headers = { 'sec-fetch-mode': 'navigate' };
    const [answer] = (await once(get({ port, host: '127.0.0.1', path: '/page', headers }), 'response')) as [
      IncomingMessage,
    ];
    expect(answer.headers.link).toBe('</style.css>; rel=preload; as=style');
    expect(await text(answer)).toBe('page');
  });
});
