import { Injectable } from '@nestjs/common';
import { EventBus, OnPush, topic, type OnPushEvent } from 'nestjs-push';
import { platforms } from './support/start-app.js';
import { paid, shipped, start } from './support/tested-app.js';

/** A method that finishes when it is told to. */
class Work {
  finish!: () => void;
  readonly finished = new Promise<void>((resolve) => (this.finish = resolve));
}

describe.each(platforms)('What was published, on %s', (platform) => {
  it('is there one by one, whether it came before or is yet to come', async () => {
    const { push, bus } = await start({ platform });
    await bus.publish('orders.42', paid, { type: 'paid', meta: { by: 'ann' } });
    const first = await push.published('orders.42');
    expect(first).toMatchObject({ topic: 'orders.42', data: paid, type: 'paid', meta: { by: 'ann' } });
    const status: 'paid' | 'shipped' = first.data.status;
    expect(status).toBe('paid');
    const second = push.published('orders.*');
    await bus.publish('orders.43', shipped);
    expect((await second).data).toEqual(shipped);
    expect(push.allPublished('orders.>').map(({ topic }) => topic)).toEqual(['orders.42', 'orders.43']);
    await push.nonePublished();
  });

  it('is named where something else was expected', async () => {
    const { push, bus } = await start({ platform });
    await expect(push.published('orders.42')).rejects.toThrow(
      'Nothing was published to orders.42. Nothing was published at all. (waited 4000 ms)',
    );
    await bus.publish('orders.41', paid);
    await bus.publish('orders.42', paid);
    await push.published('orders.42');
    await expect(push.published('orders.42')).rejects.toThrow(
      'Nothing more was published to orders.42. Published so far: orders.41 (1), orders.42 (1).',
    );
    await expect(push.nonePublished('orders.*')).rejects.toThrow(
      'Nothing was expected of orders.*, and 1 events were published: orders.41 {"status":"paid"}',
    );
  });
});

describe('push.settled()', () => {
  it('waits for methods with @OnPush(), in groups and on every node, and for what they publish', async () => {
    const done: string[] = [];
    const work = new Work();
    @Injectable()
    class Handlers {
      constructor(private readonly bus: EventBus) {}

      @OnPush('orders.:id', { group: 'billing' })
      async bill({ params }: OnPushEvent<'orders.:id'>) {
        await work.finished;
        await this.bus.publish(topic`invoices.${params.id}`, 1);
      }

      @OnPush('invoices.*')
      async print({ topic: name }: OnPushEvent) {
        await new Promise(setImmediate);
        done.push(name);
      }
    }
    const { push, bus } = await start({ providers: [Handlers] });
    await bus.publish('orders.42', paid);
    let isSettled = false;
    const settled = push.settled().then(() => (isSettled = true));
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    work.finish();
    await settled;
    expect(done).toEqual(['invoices.42']);
  });

  it('waits for the promises of observers', async () => {
    const { push, bus } = await start();
    const seen: unknown[] = [];
    bus.on('orders.*').subscribe(async ({ data }) => {
      await new Promise(setImmediate);
      seen.push(data);
    });
    await bus.publish('orders.1', paid);
    await push.settled();
    expect(seen).toEqual([paid]);
  });

  it('says what still works when its time is over', async () => {
    const work = new Work();
    @Injectable()
    class Handlers {
      @OnPush('orders.*')
      handle() {
        return work.finished;
      }
    }
    const { push, bus } = await start({ providers: [Handlers] });
    await bus.publish('orders.1', paid);
    await expect(push.settled()).rejects.toThrow('After 4000 ms, methods with @OnPush() are still at work.');
    work.finish();
    await push.settled();
  });

  it('waits for the attempts of a group, which time brings about', async () => {
    const attempts: number[] = [];
    @Injectable()
    class Handlers {
      @OnPush('orders.*', { group: 'billing', retries: 3, retryDelay: 30_000 })
      handle({ attempt }: OnPushEvent) {
        attempts.push(attempt);
        if (attempt < 3) throw new Error('Not yet.');
      }
    }
    const { push, bus } = await start({ providers: [Handlers] });
    await bus.publish('orders.1', paid);
    while (attempts.length < 1) await new Promise(setImmediate);
    await push.time.advance(200_000);
    await push.settled();
    expect(attempts).toEqual([1, 2, 3]);
  });
});
