import { Controller, Get, Header, Sse } from '@nestjs/common';
import { EventBus, PushModule, PushResources, type PushOptions } from 'nestjs-push';
import { map } from 'rxjs';
import { afterTest } from './cleanup.js';
import { Http2Probe } from './http2-probe.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';

/** Reads the topic `a.1` by both transports, and writes down what it got. */
export const page = `<!doctype html><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css"><p>page<script>
  window.got = [];
  new EventSource('/events').onmessage = ({ data }) => got.push('SSE: ' + data);
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/push');
  socket.onopen = () => socket.send('{"event":"subscribe","data":{"topics":["a.1"],"from":"earliest"}}');
  socket.onmessage = ({ data }) => data.includes('"message"') && got.push('WebSocket: ' + JSON.parse(data).data.data);
  socket.onclose = ({ code }) => got.push('closed: ' + code);
</script>`;

/** The page, its style sheet, and streams of the topic `a.1`. */
@Controller()
export class PageController {
  constructor(private readonly bus: EventBus) {}

  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @PushResources('/style.css')
  index() {
    return page;
  }

  @Get('style.css')
  @Header('content-type', 'text/css')
  @Header('cache-control', 'max-age=60')
  style() {
    return 'p { color: rgb(1, 2, 3) }';
  }

  @Sse('events')
  events() {
    return this.bus.stream('a.1', { from: 'earliest' });
  }

  @Sse('piped')
  piped() {
    return this.bus.stream('a.1').pipe(map((message) => message));
  }
}

/** By default HTTP/2 and HTTP/1.1 with TLS on one port. */
export function start(
  platform: Platform = 'fastify with TLS',
  options: PushOptions = {},
): Promise<RunningApp> {
  const topics = [{ pattern: 'a.>', access: 'public' as const }];
  return startApp(platform, {
    controllers: [PageController],
    imports: [PushModule.forRoot({ topics, ...options })],
  });
}

/** A client of HTTP/2, which is closed after the test. */
export async function probe(app: RunningApp): Promise<Http2Probe> {
  const client = await Http2Probe.connect(app.url(''));
  afterTest(() => client.close());
  return client;
}
