import { jest } from '@jest/globals';
import type { GapNotice } from './protocol/gap.js';
import type { Ended, ServerMessage } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';
import type { PushError } from './push-error.js';
import type { RequestMessage } from './requests.js';
import { Subscription, Subscriptions } from './subscriptions.js';

/** A table of subscriptions on a link. The test is its other end. */
class Setup {
  readonly sent: RequestMessage[] = [];
  readonly gaps: GapNotice[] = [];
  readonly refused: PushError[] = [];
  readonly ended: Ended[] = [];
  readonly table = new Subscriptions(
    { send: (message) => this.sent.push(message), onError: (error) => this.refused.push(error) },
    { emit: (gap) => this.gaps.push(gap) },
    { emit: (end) => this.ended.push(end) },
  );

  /** Adds a reader; returns what it gets. */
  read(pattern: string, from: Start = 'now') {
    const ids: (string | undefined)[] = [];
    const steps: ('live' | 'over' | PushError)[] = [];
    const subscription = new Subscription(
      pattern,
      from,
      (message) => message.event === 'message' && ids.push(message.data.id),
      () => steps.push('live'),
      (error) => steps.push(error ?? 'over'),
    );
    this.table.add(subscription);
    return { ids, steps, subscription };
  }

  /** What was sent since the last call: `topics from start`. */
  async said(): Promise<string[]> {
    await Promise.resolve();
    return this.sent.splice(0).map(({ event, data }) => {
      if (event === 'subscribe') this.ref = data.ref;
      const { topics, from } = data as { topics: string[]; from?: string };
      return event === 'subscribe' ? `${topics.join(' ')} from ${from}` : `without ${topics.join(' ')}`;
    });
  }

  ref = '';

  says(...messages: (readonly [ServerMessage['event'], object])[]): void {
    for (const [event, data] of messages) {
      const answer = event === 'subscribed' || event === 'live' || event === 'error';
      this.table.message({ event, data: answer ? { ref: this.ref, ...data } : data } as ServerMessage);
    }
  }
}

const event = (topic: string, id: string) => ['message', { topic, id, data: null }] as const;

describe('Subscriptions', () => {
  it('that are made together are asked for together; those from now on first, one batch at a time', async () => {
    const setup = new Setup();
    setup.read('a', 'last');
    setup.read('b');
    setup.read('b');
    setup.read('c.*');
    setup.read('d', 'id-1');
    setup.table.up();
    expect(await setup.said()).toEqual(['b c.* from now']);
    setup.says(['subscribed', { id: 'id-5' }], ['live', { id: 'id-5' }]);
    expect(await setup.said()).toEqual(['a from last']);
    setup.says(['subscribed', { id: 'id-0' }], ['live', { id: 'id-5' }]);
    expect(await setup.said()).toEqual(['d from id-1']);
  });

  it('are brought up to the others alone: what comes between is not for those', async () => {
    const setup = new Setup();
    setup.table.up();
    const live = setup.read('a.*');
    await setup.said();
    setup.says(['subscribed', { id: 'id-5' }], ['live', { id: 'id-5' }], event('a.1', 'id-6'));
    const late = setup.read('a.1', 'earliest');
    await setup.said();
    setup.says(['subscribed', { id: 'id-0' }], event('a.1', 'id-3'), event('a.1', 'id-6'));
    setup.says(['live', { id: 'id-6' }], event('a.1', 'id-7'));
    expect(live.ids).toEqual(['id-6', 'id-7']);
    expect(late.ids).toEqual(['id-3', 'id-6', 'id-7']);
  });

  it('resume where each of them was, wherever the link is cut', async () => {
    const setup = new Setup();
    setup.table.up();
    setup.read('a');
    await setup.said();
    setup.says(['subscribed', { id: 'id-5' }]);
    setup.table.up();
    expect(await setup.said()).toEqual(['a from id-5']);
    setup.says(['subscribed', { id: 'id-5' }], event('a', 'id-6'), ['live', { id: 'id-9' }]);
    setup.read('b', 'last');
    await setup.said();
    setup.table.up();
    expect(await setup.said()).toEqual(['a from id-9']);
    setup.says(['subscribed', { id: 'id-9' }], ['live', { id: 'id-9' }]);
    expect(await setup.said()).toEqual(['b from last']);
    setup.says(['subscribed', { id: 'id-0' }]);
    setup.table.up();
    expect(await setup.said()).toEqual(['a from id-9']);
    setup.says(['live', { id: 'id-9' }]);
    expect(await setup.said()).toEqual(['b from last']);
    setup.says(['subscribed', { id: 'id-0' }], event('b', 'id-2'), ['heartbeat', { id: 'id-4' }]);
    setup.table.up();
    expect(await setup.said()).toEqual(['a from id-9']);
    setup.says(['live', { id: 'id-9' }]);
    expect(await setup.said()).toEqual(['b from id-4']);
    setup.says(['live', { id: 'id-9' }], ['heartbeat', { id: 'id-20' }]);
    setup.table.up();
    expect(await setup.said()).toEqual(['a b from id-20']);
  });

  it('with a snapshot are asked for one by one, and one that fails has its next turn after the others', async () => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'setImmediate', 'nextTick'] });
    try {
      const setup = new Setup();
      setup.table.up();
      for (const topic of ['a', 'b', 'c']) setup.read(topic, 'snapshot');
      expect(await setup.said()).toEqual(['a from snapshot']);
      setup.says(['error', { code: 'SNAPSHOT_FAILED', message: 'Away.', retryable: true }]);
      // It need not wait for the pause: another change is a reason to ask.
      setup.read('d', 'snapshot');
      expect(await setup.said()).toEqual(['b from snapshot']);
      for (const next of ['c', 'a', 'd']) {
        setup.says(['subscribed', { id: 'id-5' }], ['live', { id: 'id-5' }]);
        expect(await setup.said()).toEqual([`${next} from snapshot`]);
      }
    } finally {
      jest.useRealTimers();
    }
  });

  it('of another tab move nothing of ours', async () => {
    const setup = new Setup();
    setup.table.up();
    const { ids } = setup.read('a');
    await setup.said();
    setup.says(['subscribed', { id: 'id-5' }], ['live', { id: 'id-5' }]);
    setup.says(['subscribed', { ref: 'other', id: 'id-1' }], event('a', 'id-2'));
    setup.table.up();
    expect(await setup.said()).toEqual(['a from id-5']);
    setup.says(['subscribed', { ref: 'other', id: 'id-1' }], event('a', 'id-2'));
    setup.says(
      ['gap', { reason: 'evicted', topics: ['a'], id: 'id-3' }],
      ['live', { ref: 'other', id: 'id-7' }],
    );
    setup.says(['subscribed', { id: 'id-5' }], event('a', 'id-6'), ['live', { id: 'id-7' }]);
    expect(ids).toEqual(['id-6']);
    expect(setup.gaps).toEqual([]);
  });

  it('are given up when no reader is left', async () => {
    const setup = new Setup();
    setup.table.up();
    const [one, two] = [setup.read('a'), setup.read('a')];
    const three = setup.read('b');
    await setup.said();
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }]);
    setup.table.delete(one.subscription);
    expect(await setup.said()).toEqual([]);
    setup.table.delete(two.subscription);
    setup.table.delete(three.subscription);
    setup.read('b');
    expect(await setup.said()).toEqual(['without a', 'b from now']);
    setup.says(event('b', 'id-2'));
    expect(three.ids).toEqual([]);
  });

  it('are told of gaps, each of its own', async () => {
    const setup = new Setup();
    setup.table.up();
    setup.read('a');
    await setup.said();
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }]);
    setup.says(['gap', { reason: 'slow', topics: ['a', 'b'], id: 'id-9' }]);
    expect(setup.gaps).toEqual([{ reason: 'slow', topics: ['a'], id: 'id-9' }]);
    setup.table.up();
    expect(await setup.said()).toEqual(['a from id-9']);
  });

  it('that are refused together are asked for by halves', async () => {
    const setup = new Setup();
    setup.table.up();
    const [one, two, three] = [setup.read('a'), setup.read('secret'), setup.read('c')];
    expect(await setup.said()).toEqual(['a secret c from now']);
    setup.says(['error', { code: 'FORBIDDEN', message: 'no', retryable: false }]);
    expect(await setup.said()).toEqual(['a from now']);
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }]);
    expect(await setup.said()).toEqual(['secret c from now']);
    setup.says(['error', { code: 'FORBIDDEN', message: 'no', retryable: false }]);
    expect(await setup.said()).toEqual(['secret from now']);
    setup.says(['error', { code: 'FORBIDDEN', message: 'no', retryable: false }]);
    expect(await setup.said()).toEqual(['without secret', 'c from now']);
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }]);
    expect(one.steps).toEqual(['live']);
    expect(two.steps).toMatchObject([{ code: 'FORBIDDEN', topics: ['secret'] }]);
    expect(three.steps).toEqual(['live']);
    expect(setup.refused).toHaveLength(1);
    setup.table.up();
    expect(await setup.said()).toEqual(['a c from id-1']);
  });

  it('that could not be examined are asked for again, from where they were', async () => {
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'setImmediate', 'nextTick'] });
    try {
      const setup = new Setup();
      setup.table.up();
      const [one, two] = [setup.read('a'), setup.read('b')];
      await setup.said();
      setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }], event('a', 'id-2'));
      await setup.said();
      setup.says(['revoked', { topics: ['a'], retryable: true }], event('b', 'id-3'));
      expect(await setup.said()).toEqual([]);
      jest.runAllTimers();
      expect(await setup.said()).toEqual(['a from id-2']);
      expect([one.steps, one.ids, two.ids]).toEqual([['live'], ['id-2'], ['id-3']]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('that are revoked end', async () => {
    const setup = new Setup();
    setup.table.up();
    const [one, two] = [setup.read('a'), setup.read('b')];
    await setup.said();
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }], ['revoked', { topics: ['a'] }]);
    setup.says(event('a', 'id-2'), event('b', 'id-3'));
    expect(one.steps).toMatchObject(['live', { code: 'FORBIDDEN', topics: ['a'] }]);
    expect(two.ids).toEqual(['id-3']);
    expect(await setup.said()).toEqual(['without a']);
  });

  it('of a topic that has ended are over, and are not asked for again', async () => {
    const setup = new Setup();
    setup.table.up();
    const [run, all] = [setup.read('runs.1'), setup.read('runs.*')];
    await setup.said();
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }], event('runs.1', 'id-2'));
    setup.says(['ended', { topic: 'runs.1', id: 'id-3', reason: 'done' }], event('runs.2', 'id-4'));
    expect([run.ids, run.steps]).toEqual([['id-2'], ['live', 'over']]);
    expect([all.ids, all.steps]).toEqual([['id-2', 'id-4'], ['live']]);
    expect(setup.ended).toEqual([{ topic: 'runs.1', id: 'id-3', reason: 'done' }]);
    // The tabs' leader has to know that this tab wants it no more.
    expect(await setup.said()).toEqual(['without runs.1']);
    setup.table.up();
    expect(await setup.said()).toEqual(['runs.* from id-4']);
  });

  it('are over before they are live where the end comes while they catch up', async () => {
    const setup = new Setup();
    setup.table.up();
    const [run, other] = [setup.read('runs.1', 'start'), setup.read('orders', 'start')];
    await setup.said();
    setup.says(['subscribed', { id: 'id-0' }], event('runs.1', 'id-1'));
    setup.says(['ended', { topic: 'runs.1', id: 'id-2', reason: 'failed' }]);
    expect([run.ids, run.steps, other.steps]).toEqual([['id-1'], ['live', 'over'], []]);
    setup.says(event('orders', 'id-3'), ['live', { id: 'id-3' }]);
    expect([run.steps, other.ids, other.steps]).toEqual([['live', 'over'], ['id-3'], ['live']]);
    expect(await setup.said()).toEqual(['without runs.1']);
  });

  it('that are made again after the end are asked for, and are told of it again', async () => {
    const setup = new Setup();
    setup.table.up();
    setup.read('runs.1');
    await setup.said();
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }]);
    setup.says(['ended', { topic: 'runs.1', id: 'id-2', reason: 'done' }]);
    const again = setup.read('runs.1', 'id-2');
    expect(await setup.said()).toEqual(['runs.1 from id-2']);
    setup.says(['subscribed', { id: 'id-2' }], ['live', { id: 'id-2' }]);
    setup.says(['ended', { topic: 'runs.1', reason: 'done' }]);
    expect(again.steps).toEqual(['live', 'over']);
    expect(setup.ended.map(({ id }) => id)).toEqual(['id-2', undefined]);
    expect(await setup.said()).toEqual(['without runs.1']);
    setup.table.up();
    expect(await setup.said()).toEqual([]);
  });

  it('of another tab that catch up with an end leave those that are live as they are', async () => {
    const setup = new Setup();
    setup.table.up();
    const run = setup.read('runs.1');
    await setup.said();
    setup.says(['subscribed', { id: 'id-1' }], ['live', { id: 'id-1' }]);
    setup.says(['subscribed', { ref: 'other', id: 'id-0' }], ['ended', { topic: 'runs.1', reason: 'done' }]);
    expect([run.steps, setup.ended]).toEqual([['live'], []]);
    setup.says(['live', { ref: 'other', id: 'id-1' }], ['ended', { topic: 'runs.1', reason: 'done' }]);
    expect([run.steps, setup.ended.length]).toEqual([['live', 'over'], 1]);
  });
});
