import { jest } from '@jest/globals';
import { PushModule, type PushOptions } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { openGzip, type GzipReader } from './support/compressed-clients.js';
import { orderEvent } from './support/order-event.js';
import { startApp, type RunningApp } from './support/start-app.js';

/* What becomes of compression where events are few, and heartbeats go on. */

const heartbeat = 15_000;
const readerCount = 30;

/** What the application does again and again, by its clock, it does when the test says so. Sockets have a clock of their own. */
beforeEach(() => {
  const real = ['Date', 'nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const;
  jest.useFakeTimers({ doNotFake: [...real, 'setTimeout', 'clearTimeout'] });
  afterTest(() => void jest.useRealTimers());
});

const heartbeatsOf = ({ blocks }: GzipReader) =>
  blocks.filter((block) => block.startsWith(':') || block.startsWith('event: push.heartbeat')).length;

/** Readers of one topic, which gets an event a second. */
class Audience {
  readonly readers: GzipReader[] = [];
  private published = 0;

  constructor(private readonly app: RunningApp) {}

  static async come(options: PushOptions = {}): Promise<Audience> {
    const topics = [{ pattern: 'orders.>', access: 'public' }] as const;
    const imports = [PushModule.forRoot({ topics, heartbeat, ...options })];
    const audience = new Audience(await startApp('express', { imports }));
    await audience.enter();
    return audience;
  }

  private async enter(): Promise<void> {
    for (let count = 0; count < readerCount; count++) {
      const reader = await openGzip(this.app.url('/push/events?topic=orders.1'));
      await reader.until(() => reader.lastEventId !== '');
      this.readers.push(reader);
      // Their heartbeats come one after the other, over the whole interval.
      jest.advanceTimersByTime(heartbeat / readerCount);
    }
    // Until all share one context.
    await this.hear(20);
  }

  /** Publishes once a second. Returns how many bytes it took, and would have taken, and how many heartbeats came. */
  async hear(seconds: number): Promise<{ bytes: number; plain: number; heartbeats: number }> {
    const before = this.sums;
    for (const end = this.published + seconds; this.published < end;) {
      await this.app.bus.publish('orders.1', orderEvent(this.published++));
      for (const reader of this.readers)
        await reader.until(() => reader.body.split('\ndata: {"topic"').length > this.published);
      jest.advanceTimersByTime(1_000);
    }
    const { bytes, plain, heartbeats } = this.sums;
    return {
      bytes: bytes - before.bytes,
      plain: plain - before.plain,
      heartbeats: heartbeats - before.heartbeats,
    };
  }

  private get sums(): { bytes: number; plain: number; heartbeats: number } {
    const sum = (of: (reader: GzipReader) => number) =>
      this.readers.reduce((all, reader) => all + of(reader), 0);
    return {
      bytes: sum(({ bytes }) => bytes),
      plain: sum(({ body }) => body.length),
      heartbeats: sum(heartbeatsOf),
    };
  }
}

it('an event a second is compressed as many at once are: it is a heartbeat too', async () => {
  const audience = await Audience.come();
  const { bytes, plain, heartbeats } = await audience.hear(60);
  expect(plain / bytes).toBeGreaterThan(4);
  expect(heartbeats).toBe(0);
  const quiet = audience.readers.map(heartbeatsOf);
  jest.advanceTimersByTime(1.2 * heartbeat);
  for (const [index, reader] of audience.readers.entries())
    await reader.until(() => heartbeatsOf(reader) > quiet[index]!);
});

it('heartbeats that are events come in every interval', async () => {
  const audience = await Audience.come({ sse: { heartbeat: 'event' } });
  const { heartbeats } = await audience.hear(60);
  // Those of the last moment are still on their way.
  expect(heartbeats).toBeGreaterThanOrEqual(3 * readerCount);
});
