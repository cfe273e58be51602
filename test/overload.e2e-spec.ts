import { Injectable } from '@nestjs/common';
import { EventBus, PushError, PushModule, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { PushMetricsModule } from 'nestjs-push/opentelemetry';
import { setImmediate as turn } from 'node:timers/promises';
import { openClient } from './support/client-app.js';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { Scraped } from './support/scraped.js';
import { openStream, type SseReader } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

// A node that is asked for more than it delivers. Nothing is delivered during a turn of the event loop: to spend the longest delay
// within one is an overload that no machine is too fast for, nor too slow.

const maxDeliveryDelay = 20;
const unavailable = expect.objectContaining({ code: 'UNAVAILABLE', retryable: true, status: 503 }) as Error;

/** Takes this turn of the event loop for so many milliseconds. */
function spend(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Whoever has a name may write. While `isBusy`, that overloads the node. */
@Injectable()
@PushTopic('board.:name')
class BoardPolicy implements TopicPolicy {
  isBusy = false;

  constructor(private readonly bus: EventBus) {}

  canSubscribe = () => true;

  canPublish = () => true;

  transform(...[, , { data }]: Parameters<NonNullable<TopicPolicy['transform']>>): unknown {
    if (this.isBusy) {
      this.bus.publish('a.1', 'too much', { ephemeral: true }).catch(() => undefined);
      spend(2 * maxDeliveryDelay);
    }
    return data;
  }
}

async function start(options: PushOptions = {}) {
  const scraped = await Scraped.start();
  const app = await startApp('express', {
    providers: [Users, BoardPolicy],
    exports: [Users],
    imports: [
      PushModule.forRoot({
        topics: [{ pattern: 'a.>', access: 'public' }],
        authenticate: NameAuthenticator,
        retention: { events: Infinity },
        maxDeliveryDelay,
        ...options,
      }),
      PushMetricsModule.forRoot({ meterProvider: scraped.meterProvider, eventLoopDelay: false }),
    ],
  });
  return { app, scraped, policy: app.nest.get(BoardPolicy) };
}

/** The data of the events of a stream. */
function dataOf(stream: SseReader): unknown[] {
  return stream.data.map((message) => (JSON.parse(message) as { data: unknown }).data);
}

describe('In overload', () => {
  it('who does not await is refused, what was accepted arrives, and then all goes on', async () => {
    const { app, scraped } = await start();
    const { bus } = app;
    const sse = await openStream(app.url('/push/events?topic=a.1'), as('ann'));
    const ws = await openWs(app.webSocketUrl(), as('ann'));
    await ws.subscribe('a.>');
    const published: Promise<string | undefined>[] = [];
    while (bus.stats().delivery.refused < 10) {
      published.push(bus.publish('a.1', published.length));
      spend(maxDeliveryDelay / 100);
    }
    const { events, delay } = bus.stats().delivery;
    expect(delay).toBeGreaterThan(maxDeliveryDelay);
    const ephemeral = bus.publish('a.1', 'ephemeral', { ephemeral: true });
    const [results] = await Promise.all([
      Promise.allSettled(published),
      expect(ephemeral).rejects.toEqual(unavailable),
    ]);
    const accepted = results.flatMap(({ status }, data) => (status === 'fulfilled' ? [data] : []));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(accepted).toHaveLength(events);
    expect(accepted.length).toBeGreaterThan(0);
    expect(refused).toEqual(Array(10).fill(unavailable));
    while (bus.stats().delivery.events > 0) await turn();
    await bus.publish('a.1', 'afterwards');
    await ws.untilData(accepted.length + 1);
    await sse.untilEvents(accepted.length + 1);
    expect(ws.data).toEqual([...accepted, 'afterwards']);
    expect(dataOf(sse)).toEqual([...accepted, 'afterwards']);
    expect(bus.stats().delivery).toEqual({
      events: 0,
      delay: 0,
      expected: 0,
      waiting: 0,
      refused: 11,
    });
    const scrape = await scraped.scrape();
    expect(scrape.of('nestjs_push_publishers_refused_total')).toBe(11);
    const gauges = ['delivery_delay', 'delivery_pending', 'publishers_waiting'];
    expect(gauges.map((name) => scrape.of(`nestjs_push_${name}`))).toEqual([0, 0, 0]);
  });

  it('who awaits is made to wait, and is not refused', async () => {
    const { app } = await start({ maxDeliveryDelay: Infinity });
    const { bus } = app;
    const handled: unknown[] = [];
    bus.on('a.1').subscribe(({ data }) => handled.push(data));
    // As many as may be on their way without making publishers wait.
    const many = Promise.all(Array.from({ length: 65_536 }, (_, data) => bus.publish('a.1', data)));
    const last = bus.publish('a.1', 'the last', { ephemeral: true });
    // To store events in memory takes no turn of the event loop, to deliver them does.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(bus.stats().delivery).toMatchObject({ events: 65_537, waiting: 65_537 });
    expect(handled).toEqual([]);
    await Promise.all([many, last]);
    while (bus.stats().delivery.events > 0) await turn();
    expect(handled).toHaveLength(65_537);
    expect(bus.stats().delivery).toMatchObject({ waiting: 0, refused: 0 });
  });

  it('a client that publishes is told to try again', async () => {
    const { app, policy } = await start();
    const ws = await openWs(app.webSocketUrl(), as('ann'));
    await ws.subscribe(['a.1', 'board.1']);
    policy.isBusy = true;
    for (const ephemeral of [false, true]) {
      const answer = await ws.ask('publish', { topic: 'board.1', data: 1, ephemeral });
      expect(answer).toMatchObject({ event: 'error', code: 'UNAVAILABLE', retryable: true });
    }
    const answer = await postJson(app.url('/push/publish'), { topic: 'board.1', data: 1 }, as('ann').headers);
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ code: 'UNAVAILABLE' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(ws.data).not.toContain(1);
    policy.isBusy = false;
    expect(await ws.ask('publish', { topic: 'board.1', data: 2 })).toMatchObject({ event: 'published' });
    await ws.until(() => ws.data.includes(2));
  });

  it('our client publishes again until it is taken', async () => {
    const { app, policy } = await start();
    const reader = await openWs(app.webSocketUrl(), as('ann'));
    await reader.subscribe(['a.1', 'board.1']);
    policy.isBusy = true;
    const push = openClient(app.url('/push'), { token: () => 'ann', transports: ['sse'] });
    const published = push.publish('board.1', 'patient');
    await reader.until(() => reader.data.includes('too much'));
    expect(reader.data).not.toContain('patient');
    policy.isBusy = false;
    await published;
    await reader.until(() => reader.data.includes('patient'));
  });

  it('is no bound where it is lifted', async () => {
    const { app } = await start({ maxDeliveryDelay: Infinity });
    await openStream(app.url('/push/events?topic=a.1'), as('ann'));
    const first = app.bus.publish('a.1', 1);
    spend(2 * maxDeliveryDelay);
    await expect(Promise.all([first, app.bus.publish('a.1', 2)])).resolves.toHaveLength(2);
  });

  it('of several events none is stored after one that was refused', async () => {
    const { app } = await start();
    const sse = await openStream(app.url('/push/events?topic=a.1'), as('ann'));
    const first = app.bus.publish('a.1', 0);
    spend(2 * maxDeliveryDelay);
    const many = app.bus.publishMany([
      { topic: 'a.1', data: 1 },
      { topic: 'a.1', data: 2 },
    ]);
    await expect(many).rejects.toBeInstanceOf(PushError);
    await first;
    while (app.bus.stats().delivery.events > 0) await turn();
    await app.bus.publish('a.1', 3);
    await sse.untilEvents(2);
    expect(dataOf(sse)).toEqual([0, 3]);
  });
});
