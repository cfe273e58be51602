import { Injectable, type Type } from '@nestjs/common';
import {
  Backplane,
  OnPush,
  PushError,
  type OnPushEvent,
  type OnPushOptions,
  type PushOptions,
} from 'nestjs-push';
import { describeGroups } from 'nestjs-push/testing';
import { randomUUID } from 'node:crypto';
import { GroupNode } from './support/group-nodes.js';
import { runLogs } from './support/run-nodes.js';
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

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe.each(runLogs)('On $name, groups of handlers', (log) => {
  beforeAll(() => log.start());
  afterAll(() => log.stop());

  describeGroups(log.name, () => {
    const own = `log-${randomUUID()}`;
    return { node: () => log.node(own) };
  });

  let name = '';
  beforeEach(() => (name = `log-${randomUUID()}`));

  const start = (provider?: Type, options?: PushOptions) =>
    GroupNode.start(log.node(name), provider ? [provider] : [], options);

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
