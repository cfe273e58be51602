import { PushModule, PushTopic, type TopicPolicy } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { as } from './support/roles.js';
import { openSse } from './support/sse-reader.js';
import { createApp } from './support/start-app.js';
import { OrdersPolicy, start, startImpatient } from './support/topic-policies.js';
import { openWs } from './support/ws-client.js';

describe('subscribing', () => {
  it.each([
    ['ann', 'orders.42', true],
    ['ann', 'orders.43', false],
    ['ann', 'orders.*', false],
    ['ann', 'orders.>', false],
    ['ann', '*.42', false],
    ['ann', '>', false],
    ['root', 'orders.42', true],
    ['root', 'orders.*', true],
    ['root', 'orders.>', false],
    ['ann', 'users.ann.mail', true],
    ['ann', 'users.ann.mail.*', true],
    ['ann', 'users.ann.>', true],
    ['ann', 'users.ann.*', true],
    ['ann', 'users.ann', false],
    ['ann', 'users.*.mail', false],
    ['ann', 'users.>', false],
    ['ann', 'users.bob.>', false],
    ['ann', 'members.news', true],
    ['ann', 'members.*', true],
    ['ann', 'members.>', false],
    ['ann', 'public.a.b', true],
    ['ann', 'nowhere', false],
    ['ann', 'constructor', false],
    ['ann', 'users.__proto__.>', false],
    ['ann', '$own.1', true],
    ['ann', '$own.*', false],
    ['ann', '$other.1', false],
  ])('%s to %s: %s', async (user, topic, isGranted) => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as(user));
    const answer = await client.subscribe(topic);
    expect(answer).toMatchObject(isGranted ? { event: 'subscribed' } : { event: 'error', code: 'FORBIDDEN' });
    const reader = await openSse(app.url(`/push/events?topic=${encodeURIComponent(topic)}`), as(user));
    expect(reader.status).toBe(isGranted ? 200 : 403);
  });

  it('looks the same for a topic that is not there, not theirs, without a policy, or whose policy breaks', async () => {
    const errors: unknown[] = [];
    const { app } = await start({ onError: (error) => errors.push(error) });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const looks = async (topic: string) => {
      const { ref, ...rest } = await client.subscribe(topic);
      const reader = await openSse(app.url(`/push/events?topic=${topic}`), as('ann'));
      const { date, 'content-length': _, etag: __, ...headers } = reader.response.headers;
      const sse = { status: reader.status, headers, body: await reader.untilEnd() };
      return JSON.stringify({ ref: typeof ref, date: typeof date, rest, sse }).replaceAll(topic, 'TOPIC');
    };
    const all = [];
    for (const topic of ['orders.43', 'orders.99', 'nothing.43', 'orders.broken'])
      all.push(await looks(topic));
    expect(new Set(all).size).toBe(1);
    // What is wrong is told to the application alone.
    expect(errors).toHaveLength(2);
    expect(errors[0]).toBeInstanceOf(TypeError);
  });

  it('is all or nothing, and names what is denied', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.subscribe(['orders.42', 'orders.43', 'public.x', 'orders.>'])).toMatchObject({
      message: 'Not allowed to subscribe to orders.43, orders.>.',
    });
    expect(app.bus.stats().subscriptions).toBe(0);
  });

  it('is decided as rights are when a client comes back, not as they were', async () => {
    const { app, users } = await start();
    const first = await openWs(app.webSocketUrl(), as('ann'));
    const { id } = await first.subscribe('orders.42');
    await app.bus.publish('orders.42', 1);
    await first.untilData(1);
    first.socket.terminate();
    users.orders.set('42', 'bob');
    const second = await openWs(app.webSocketUrl(), as('ann'));
    expect(await second.subscribe('orders.42', String(id))).toMatchObject({ code: 'FORBIDDEN' });
    const reader = await openSse(app.url('/push/events?topic=orders.42'), {
      headers: { ...as('ann').headers, 'Last-Event-ID': String(id) },
    });
    expect(reader.status).toBe(403);
  });

  it('tells the policy what it is asked about', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    OrdersPolicy.asked.length = 0;
    await client.subscribe('orders.42');
    expect(OrdersPolicy.asked).toMatchObject([
      ['42', { topic: 'orders.42', transport: 'websocket', address: '127.0.0.1' }],
    ]);
  });

  it('waits for no policy longer than decisionTimeout', async () => {
    @PushTopic('slow.:id')
    class SlowPolicy implements TopicPolicy {
      canSubscribe(): Promise<boolean> {
        return new Promise(() => undefined);
      }
    }
    const app = await startImpatient(SlowPolicy);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.subscribe('slow.1')).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });

  it('needs policies that live as long as the application', async () => {
    const { Injectable, Scope } = await import('@nestjs/common');
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @PushTopic('a.:id')
    class Policy implements TopicPolicy {
      constructor(readonly request: PerRequest) {}

      canSubscribe() {
        return true;
      }
    }
    const app = await createApp('express', {
      imports: [PushModule.forRoot()],
      providers: [PerRequest, Policy],
    });
    afterTest(() => app.close());
    await expect(app.init()).rejects.toThrow('Policy cannot be request-scoped');
  });

  it.each([
    ['orders.:', 'need names'],
    ['a.:x.:x', 'need names'],
    ['a..b', 'not a topic pattern'],
    ['a.>.b', 'not a topic pattern'],
  ])('a policy for %s is refused where it is declared', (pattern, message) =>
    expect(() => PushTopic(pattern)).toThrow(message),
  );
});
