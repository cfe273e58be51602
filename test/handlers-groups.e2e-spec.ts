import { Injectable, type Type } from '@nestjs/common';
import {
  Backplane,
  OnPush,
  PushError,
  type GapNotice,
  type OnPushEvent,
  type OnPushOptions,
  type PushOptions,
} from 'nestjs-push';
import { randomUUID } from 'node:crypto';
import { GroupNode } from './support/group-nodes.js';
import { Gate, runLogs } from './support/run-nodes.js';
import { eventually } from './support/watched.js';

/** What a handler of a node does with an event. */
type Handle = (event: OnPushEvent, node: string) => unknown;

/** A provider with a handler for orders, in the group `billing`. */
function billing(node: string, handle: Handle, options: OnPushOptions = {}): Type {
  @Injectable()
  class Billing {
    @OnPush('orders.:id', { group: 'billing', retryDelay: 1, ...options })
    bill(event: OnPushEvent) {
      return handle(event, node);
    }
  }
  return Billing;
}

/** The numbers from 0 on, by topic. */
function byTopic(handled: readonly OnPushEvent[]): Map<string, unknown[]> {
  const topics = new Map<string, unknown[]>();
  for (const { topic, data } of handled) topics.set(topic, [...(topics.get(topic) ?? []), data]);
  return topics;
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe.each(runLogs)('Groups of handlers on $name', (log) => {
  beforeAll(() => log.start());
  afterAll(() => log.stop());

  let name = '';
  beforeEach(() => (name = `log-${randomUUID()}`));

  const start = (provider?: Type, options?: PushOptions) =>
    GroupNode.start(log.node(name), provider ? [provider] : [], options);

  it('handle each event on one node, in the order of its topic', async () => {
    const handled: (OnPushEvent & { node: string })[] = [];
    const handle: Handle = async (event, node) => {
      await Promise.resolve();
      handled.push({ ...event, node });
    };
    const nodes = [await start(billing('one', handle)), await start(billing('two', handle))];
    const publications = numbers(400).map((index) => ({
      topic: `orders.${index % 40}`,
      data: Math.floor(index / 40),
    }));
    await nodes[0]!.bus.publishMany(publications.slice(0, 200));
    await nodes[1]!.bus.publishMany(publications.slice(200));
    await eventually(() => handled.length >= 400);
    const topics = byTopic(handled);
    expect(topics.size).toBe(40);
    for (const data of topics.values()) expect(data).toEqual(numbers(10));
    for (const node of nodes) expect(node.errors).toEqual([]);
  });

  it('share the topics among the nodes that there are, as they come and go', async () => {
    const handled: string[] = [];
    const handle: Handle = (_, node) => void handled.push(node);
    const one = await start(billing('one', handle));
    const publish = async () => {
      handled.length = 0;
      await one.bus.publishMany(numbers(100).map((index) => ({ topic: `orders.${index}`, data: 0 })));
      await eventually(() => handled.length >= 100);
      return new Set(handled);
    };
    expect(await publish()).toEqual(new Set(['one']));
    const two = await start(billing('two', handle));
    await eventually(async () => (await publish()).size === 2);
    expect(handled).toHaveLength(100);
    await two.app.nest.close();
    await eventually(async () => (await publish()).size === 1);
    expect(await publish()).toEqual(new Set(['one']));
    expect(handled).toHaveLength(100);
  });

  it('give topics away in the end, although the log could not be written to at first', async () => {
    const handled: string[] = [];
    const handle: Handle = (_, node) => void handled.push(node);
    const backplane = log.node(name);
    const append = backplane.append.bind(backplane);
    let refusals = 0;
    backplane.append = (draft) => {
      // What frees a partition names no owner.
      const isFreed = /^\$group\.billing\.\d+$/.test(draft.topic) && !draft.meta;
      if (!isFreed || refusals >= 100) return append(draft);
      refusals++;
      return Promise.reject(new PushError('UNAVAILABLE', 'The log is away.'));
    };
    const one = await GroupNode.start(backplane, [billing('one', handle)]);
    const publish = async () => {
      handled.length = 0;
      await one.bus.publishMany(numbers(100).map((index) => ({ topic: `orders.${index}`, data: 0 })));
    };
    await publish();
    await eventually(() => handled.length === 100);
    await start(billing('two', handle));
    await eventually(() => refusals === 100);
    // Events of topics that nobody has at the moment wait for the node that is to have them.
    await publish();
    await eventually(() => handled.length === 100);
    expect(new Set(handled)).toEqual(new Set(['one', 'two']));
  });

  it('go on after a restart where they were', async () => {
    const handled: unknown[] = [];
    const first = await start(billing('first', ({ data }) => void handled.push(data)));
    await first.bus.publish('orders.1', 'before');
    await eventually(() => handled.length === 1);
    await first.app.nest.close();
    const other = await start(undefined, { groups: true });
    await other.bus.publish('orders.1', 'meanwhile');
    await other.bus.publish('orders.2', 'meanwhile too');
    const second = await start(billing('second', ({ data }) => void handled.push(data)));
    await second.bus.publish('orders.1', 'after');
    await eventually(() => handled.length === 4);
    expect(new Set(handled)).toEqual(new Set(['before', 'meanwhile', 'meanwhile too', 'after']));
    expect(handled.indexOf('meanwhile')).toBeLessThan(handled.indexOf('after'));
    expect(second.errors).toEqual([]);
  });

  it('begin with what is published when their first node has started', async () => {
    const early = await start(undefined, { groups: true });
    await early.bus.publish('orders.1', 'too early');
    const handled: unknown[] = [];
    const node = await start(billing('one', ({ data }) => void handled.push(data)));
    await node.bus.publish('orders.1', 'first');
    await eventually(() => handled.length === 1);
    expect(handled).toEqual(['first']);
  });

  it('try an event that fails again, and hold its topic alone meanwhile', async () => {
    const handled: string[] = [];
    const gate = new Gate();
    const node = await start(
      billing('one', async ({ topic, data, attempt }) => {
        handled.push(`${topic} ${String(data)} ${attempt}`);
        if (data !== 'bad' || attempt === 3) return;
        await gate.opened;
        throw new Error(`failed ${attempt}`);
      }),
    );
    await node.bus.publish('orders.1', 'bad');
    await node.bus.publish('orders.1', 'good');
    for (const index of numbers(20)) await node.bus.publish(`orders.others-${index}`, 'good');
    await eventually(() => handled.length === 21);
    expect(handled).not.toContain('orders.1 good 1');
    gate.open();
    await eventually(() => handled.length === 24);
    expect(handled.filter((each) => each.startsWith('orders.1 '))).toEqual([
      'orders.1 bad 1',
      'orders.1 bad 2',
      'orders.1 bad 3',
      'orders.1 good 1',
    ]);
    expect(node.errors).toEqual(['handler: failed 1', 'handler: failed 2']);
    expect(await node.letters.list('billing')).toEqual([]);
  });

  it('put an event aside that fails too often: it can be read, replayed and discarded', async () => {
    let isBroken = true;
    const handled: string[] = [];
    const provider = (node: string) =>
      billing(
        node,
        ({ topic, data }) => {
          if (isBroken && data === 'bad') throw Object.assign(new TypeError('broken'), { code: 'E_BROKEN' });
          handled.push(`${topic} ${String(data)}`);
        },
        { retries: 1 },
      );
    const nodes = [await start(provider('one')), await start(provider('two'))] as const;
    const id = await nodes[0].bus.publish('orders.1', 'bad', { type: 'paid', meta: { by: 'ann' } });
    await nodes[0].bus.publish('orders.2', 'bad');
    await nodes[0].bus.publish('orders.1', 'good');
    await eventually(() => handled.length === 1);
    await eventually(async () => (await nodes[1].letters.list('billing')).length === 2);
    const letters = await nodes[1].letters.list('billing');
    const [letter, other] = [
      letters.find(({ event }) => event.id === id)!,
      letters.find(({ event }) => event.id !== id)!,
    ];
    expect(letter).toMatchObject({
      group: 'billing',
      handler: 'Billing.bill',
      event: { id, topic: 'orders.1', type: 'paid', data: 'bad', meta: { by: 'ann' } },
      attempts: 2,
      error: { name: 'TypeError', message: 'broken', code: 'E_BROKEN' },
      isReplaying: false,
    });
    // It fails again.
    expect(await nodes[1].letters.replay(letter.id)).toBe(true);
    const now = async () => (await nodes[0].letters.list('billing')).find(({ id: own }) => own === letter.id);
    await eventually(async () => (await now())?.attempts === 4);
    expect(await now()).toMatchObject({ isReplaying: false });
    isBroken = false;
    expect(await nodes[0].letters.replay(letter.id)).toBe(true);
    await eventually(async () => (await now()) === undefined);
    expect(handled).toEqual(['orders.1 good', 'orders.1 bad']);
    expect(await nodes[1].letters.discard(other.id)).toBe(true);
    await eventually(async () => (await nodes[0].letters.list('billing')).length === 0);
    expect(await nodes[1].letters.discard(other.id)).toBe(false);
    expect(await nodes[1].letters.replay(other.id)).toBe(false);
  });

  it('let an event fail that takes too long', async () => {
    const handled: string[] = [];
    const node = await start(
      billing(
        'one',
        ({ attempt, signal }) => {
          handled.push(`attempt ${attempt}`);
          if (attempt > 1) return undefined;
          return new Promise(() => signal.addEventListener('abort', () => handled.push('aborted')));
        },
        { timeout: 20 },
      ),
    );
    await node.bus.publish('orders.1', 0);
    await eventually(() => handled.length === 3);
    expect(handled).toEqual(['attempt 1', 'aborted', 'attempt 2']);
    expect(node.errors).toEqual(['handler: Billing.bill() has not finished within 20 ms.']);
  });

  it('are told of events that are gone, before any that came later', async () => {
    const handled: unknown[] = [];
    @Injectable()
    class Billing {
      @OnPush('orders.*', { group: 'billing', onGap: 'missed' })
      bill({ data }: OnPushEvent) {
        handled.push(data);
      }

      async missed({ reason, topics }: GapNotice) {
        await new Promise((resolve) => setImmediate(resolve));
        handled.push([reason, topics]);
      }
    }
    const options: PushOptions = { retention: { events: 2 }, groups: true };
    const first = await start(Billing, options);
    await first.bus.publish('orders.1', 0);
    await eventually(() => handled.length === 1);
    await first.app.nest.close();
    const other = await start(undefined, options);
    for (const number of numbers(300)) await other.bus.publish('orders.1', number);
    await start(Billing, options);
    await eventually(() => handled.includes(299));
    const later = handled.slice(1);
    // Some logs keep more than they have to.
    if (later.length === 300) return expect(later).toEqual(numbers(300));
    expect(later[0]).toEqual(['evicted', ['orders.*']]);
    expect(later.slice(1)).toEqual(numbers(300).slice(301 - later.length));
  });

  it('let go of their topics although a method for gaps does not come back', async () => {
    const handled: unknown[] = [];
    @Injectable()
    class Hanging {
      @OnPush('orders.*', { group: 'billing', onGap: 'missed' })
      bill({ data }: OnPushEvent) {
        handled.push(data);
      }

      missed() {
        handled.push('gap');
        return new Promise(() => undefined);
      }
    }
    // The group has begun in another log: it is told of that.
    const before = await start(undefined, { groups: true });
    const data = JSON.stringify({ position: 'another-7' });
    await before.app.nest.get(Backplane).append({ topic: '$group.billing', data, expect: 'none' });
    const hanging = await start(Hanging);
    await hanging.bus.publish('orders.1', 'later');
    await eventually(() => handled.includes('gap'));
    await hanging.app.nest.close();
    expect(handled).not.toContain('later');
    await start(billing('last', ({ data: last }) => void handled.push(last)));
    await eventually(() => handled.includes('later'));
  });
});
