import { Controller, Get, Sse } from '@nestjs/common';
import { EventBus, PushModule, PushResources } from 'nestjs-push';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { map } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { freePort, programPath, start } from './support/processes.js';
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

/** Starts the documented nginx in front of `port`, with everything on that could hold events back. */
async function startNginx(port: number, readTimeout: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'push-nginx-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  const listen = await freePort();
  const documented = await readFile('libs/push/docs/nginx.conf', 'utf8');
  const site = documented
    .replace('127.0.0.1:3000', `127.0.0.1:${port}`)
    .replace('listen 8080', `listen 127.0.0.1:${listen}`)
    .replaceAll('proxy_read_timeout 60s', `proxy_read_timeout ${readTimeout}`);
  const config = `daemon off; pid ${folder}/nginx.pid; error_log stderr notice; worker_processes 1;
    events { worker_connections 512; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      proxy_buffering on; gzip on; gzip_min_length 1; gzip_proxied any;
      gzip_types text/event-stream text/plain application/json;
      ${site}
    }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const nginx = start(programPath('nginx'), ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
  await nginx.untilOutput('start worker process');
  return listen;
}

describe.each(platforms)('Behind nginx, %s', (platform) => {
  it('delivers at once over SSE and WebSocket, and heartbeats outlive a short proxy_read_timeout', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ heartbeat: 300, topics: [{ pattern: 'news.>', access: 'public' }] })],
      controllers: [NewsController],
    });
    const port = await startNginx(app.port, '1s');
    const direct = await openStream(`http://127.0.0.1:${port}/push/events?topic=news.>`);
    const piped = await openStream(`http://127.0.0.1:${port}/piped`);
    const socket = await openWs(`ws://127.0.0.1:${port}/push`);
    await socket.subscribe('news.>');

    await app.bus.publish('news.a', 1);
    await Promise.all([direct.untilEvents(1), piped.untilEvents(1), socket.untilData(1)]);

    // Quiet for longer than nginx waits: only heartbeats keep the connections.
    const quiet = Date.now();
    await direct.until(() => Date.now() - quiet > 2_500);
    await app.bus.publish('news.a', 2);
    await Promise.all([direct.untilEvents(2), piped.untilEvents(2), socket.untilData(2)]);
    expect([direct.isEnded, piped.isEnded, socket.closed]).toEqual([false, false, undefined]);
  });

  it('delivers at once even where nginx is told to gzip event streams', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }] })],
    });
    const port = await startNginx(app.port, '60s');
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
    const port = await startNginx(app.port, '60s');
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
    const port = await startNginx(app.port, '60s');
    // As a browser asks for a page; fetch() would say otherwise.
    const headers = { 'sec-fetch-mode': 'navigate' };
    const [answer] = (await once(get({ port, host: '127.0.0.1', path: '/page', headers }), 'response')) as [
      IncomingMessage,
    ];
    expect(answer.headers.link).toBe('</style.css>; rel=preload; as=style');
    expect(await text(answer)).toBe('page');
  });
});
