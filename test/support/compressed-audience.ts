import { Controller, Get, Header, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Hearer } from './hearers.js';
import { openStream, type SseReader } from './sse-reader.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';
import { eventually } from './watched.js';
import { openWs, type WsClient } from './ws-client.js';

const topic = 'news.a';

const shortHeartbeat = 300;

/** Where readers of it find it over SSE. WebSockets connect to `/push`, and subscribe. */
export const newsPath = `/push/events?topic=${topic}`;

/** A page of the same origin. */
@Controller()
class PageController {
  @Get()
  @Header('content-type', 'text/html')
  page(): string {
    return '<!doctype html><link rel="icon" href="data:,">';
  }
}

/** Each about as large as an order, and no two alike, but for those that are hard to compress or to frame. */
function payload(number: number): unknown {
  switch (number % 24) {
    case 7:
      return null;
    case 11:
      // No block and no short frame is that large, and most of it cannot be compressed.
      return randomBytes(60_000).toString('base64');
    case 13:
      return '\ud83e\udd89 \u00fcber \u2028\0\n\r\n\n';
    case 17:
      // Larger than what a context holds, and than the window of some clients.
      return Array.from({ length: 400 }, (_, index) => `line ${index * number}`);
    default:
      return {
        order: `ord_${(number * 7919).toString(36).padStart(8, '0')}`,
        status: ['created', 'paid', 'packed', 'shipped'][number % 4],
        customer: { id: 10_000 + ((number * 31) % 977), name: `Customer ${number % 53}`, country: 'DE' },
        items: [{ sku: `SKU-${(number * 17) % 409}`, quantity: 1 + (number % 4), price: 1_999 }],
        total: 4_000 + ((number * 13) % 5_000),
        currency: 'EUR',
      };
  }
}

/** Readers of one topic in one application, one of each kind of which gets it as it is: what the others have to decode. */
export class CompressedAudience {
  private published = 0;
  private readonly joined = new Map<Hearer, number>();
  private readonly messages: string[] = [];
  /** The connections of those that get events as they are. */
  private readonly plain: ReadonlySet<Socket>;

  private constructor(
    readonly app: RunningApp,
    private readonly stream: SseReader,
    private readonly socket: WsClient | undefined,
  ) {
    this.plain = new Set(app.sockets);
    socket?.socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.startsWith('{"event":"message"')) this.messages.push(text);
    });
  }

  /**
   * @param heartbeat where it is short, many fall between the events, and all readers are of SSE: on a busy machine a WebSocket may
   * answer them too late
   */
  static async start(
    platform: Platform,
    heartbeat = shortHeartbeat,
    metadata: ModuleMetadata = {},
    configure?: (app: INestApplication) => unknown,
  ): Promise<CompressedAudience> {
    const push = PushModule.forRoot({ heartbeat, topics: [{ pattern: 'news.>', access: 'public' }] });
    const app = await startApp(
      platform,
      { ...metadata, imports: [push], controllers: [PageController] },
      configure,
    );
    const stream = await openStream(app.url(newsPath));
    if (heartbeat === shortHeartbeat) return new CompressedAudience(app, stream, undefined);
    const socket = await openWs(app.webSocketUrl(), { perMessageDeflate: false });
    await socket.subscribe(topic);
    return new CompressedAudience(app, stream, socket);
  }

  /** Lets somebody in, after more events for those who are there. @param origin where it finds the application */
  async admit(hearer: Hearer, origin = this.app.url('')): Promise<void> {
    await this.publish();
    const { subscriptions } = this.app.bus.stats();
    await hearer.open(origin + (hearer.isWebSocket ? '/push' : newsPath));
    await eventually(() => this.app.bus.stats().subscriptions === subscriptions + 1);
    this.joined.set(hearer, this.published);
  }

  /** Publishes some events, some of them in one turn, until those who get them as they are have them. */
  async publish(count = 24): Promise<void> {
    for (let left = count; left > 0; left--) {
      await this.app.bus.publish(topic, payload(++this.published));
      if (left % 3 > 0) await new Promise(setImmediate);
    }
    await this.socket?.untilData(this.published);
    await this.stream.untilEvents(this.published);
  }

  /** Publishes until everybody has got fewer bytes than those who get events as they are. Returns how many connections have. */
  async publishUntilLighter(): Promise<number> {
    const before = new Map([...this.app.sockets].map((socket) => [socket, socket.bytesWritten]));
    const written = (socket: Socket) => socket.bytesWritten - (before.get(socket) ?? 0);
    for (;;) {
      await this.publish();
      const most = Math.min(...[...this.plain].map(written));
      const others = [...this.app.sockets].filter((socket) => !this.plain.has(socket)).map(written);
      if (others.every((bytes) => bytes < most)) return others.filter((bytes) => bytes > 0).length;
    }
  }

  /** The data of all events, as they were over SSE. */
  get texts(): string[] {
    return this.stream.data;
  }

  /** What somebody who was let in has to have heard by now. */
  expected(hearer: Hearer): string[] {
    const all = hearer.isWebSocket ? this.messages : this.texts;
    return all.slice(this.joined.get(hearer));
  }
}
