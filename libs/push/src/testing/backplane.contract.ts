import assert from 'node:assert/strict';
import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { Draft } from '../contracts/event.js';
import type { RetentionRules } from '../contracts/retention.js';
import { describeEnds } from './ends.contract.js';
import { describeHistory } from './history.contract.js';
import { draft, upTo } from './drafts.js';
import { describeManyNodes } from './many-nodes.contract.js';
import { describeOneTimeStore } from './one-time-store.contract.js';
import { describeState } from './state.contract.js';
import { RecordingTail, type RecordedNode } from './recording-tail.js';

/** A log of its own for one test, and the nodes that share it. */
export interface LogUnderTest {
  /** Makes the backplane of one more node. The suite starts and closes it. */
  node(): Backplane;
  /** Frees the log. */
  dispose?(): Promise<void> | void;
}

/** The capabilities that the backplane has. The suite tests those, and that it has no others. */
export interface BackplaneSuiteOptions {
  /** Whether several nodes can share the log. Default: `true`. */
  readonly shared?: boolean;
  /** Whether it has a `history`. Default: `true`. */
  readonly history?: boolean;
  /** Whether it has a `oneTimeStore`. Default: `true`. */
  readonly oneTimeStore?: boolean;
  /** Whether it has state topics (`keepsState`). Default: `false`. */
  readonly state?: boolean;
  /** Whether it has topics that end (`keepsEnds`). Default: `false`. */
  readonly ends?: boolean;
}

/**
 * The rules that the suite's topics have: they keep 50 events, but "none.>" keep none, and "brief.>" keep theirs for
 * 400 ms. Keeping more events than that is allowed: some servers have one number for all topics.
 */
export const suiteRetention: RetentionRules = {
  of: (topic) => ({
    events: topic.startsWith('none.') ? 0 : 50,
    age: topic.startsWith('brief.') ? 400 : 3_600_000,
  }),
  largest: { events: 50, age: 3_600_000 },
};

/** Starts nodes of a log, and closes them after the test. */
export class Bench {
  private readonly nodes: RecordedNode[] = [];

  constructor(private readonly log: LogUnderTest) {}

  /** Starts a node, and does not wait until its log is open. */
  startNow(retention: RetentionRules = suiteRetention): RecordedNode {
    const node = { backplane: this.log.node(), tail: new RecordingTail() };
    this.nodes.push(node);
    node.backplane.start(node.tail, retention);
    return node;
  }

  /** Starts a node, and waits until its log is open. */
  async node(retention?: RetentionRules): Promise<RecordedNode> {
    const node = this.startNow(retention);
    await node.tail.until(({ opened }) => opened.length > 0);
    return node;
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map(({ backplane }) => backplane.close()));
    await this.log.dispose?.();
  }
}

/**
 * The tests that every backplane passes: call it in a spec of Jest, or of Vitest with `globals`.
 *
 * @param create makes an empty log; it is called before each test
 */
export function describeBackplane(
  name: string,
  create: () => Promise<LogUnderTest> | LogUnderTest,
  {
    shared = true,
    history = true,
    oneTimeStore = true,
    state = false,
    ends = false,
  }: BackplaneSuiteOptions = {},
): void {
  describe(`${name} as a backplane`, () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = new Bench(await create());
    });
    afterEach(() => bench.close());

    it('has the capabilities that the suite was told of, and no others, as soon as it is started', () => {
      const { backplane } = bench.startNow();
      assert.equal(backplane.history !== undefined, history, 'history');
      assert.equal(backplane.oneTimeStore !== undefined, oneTimeStore, 'oneTimeStore');
      assert.equal(backplane.keepsState ?? false, state, 'keepsState');
      assert.equal(backplane.keepsEnds ?? false, ends, 'keepsEnds');
    });
    describeOneNode(() => bench.node());
    if (shared) describeManyNodes(() => bench.node());
    if (history) describeHistory(() => bench.node());
    if (oneTimeStore) describeOneTimeStore(() => bench.node(), shared);
    if (state) describeState((retention) => bench.node(retention), { shared, history });
    if (ends) describeEnds((retention) => bench.node(retention), { shared, history });
  });
}

function describeOneNode(node: () => Promise<RecordedNode>): void {
  it('opens the log before anything else, once', async () => {
    const { backplane, tail } = await node();
    await backplane.append(draft('a', 1));
    await tail.until(({ events }) => events.length === 1);
    assert.equal(tail.opened.length, 1);
    assert.match(tail.opened[0]!.epoch, /^[A-Za-z0-9_]{1,32}$/);
    assert.ok(tail.events[0]!.sequence > tail.opened[0]!.sequence);
  });

  it('delivers every event once, in call order, with rising sequences', async () => {
    const { backplane, tail } = await node();
    const positions = await Promise.all(upTo(600).map((n) => backplane.append(draft(`t.${n % 7}`, n))));
    for (const n of [600, 601, 602]) positions.push(await backplane.append(draft('t.0', n)));
    await tail.until(({ events }) => events.length === 603);
    assert.deepEqual(tail.data, upTo(603));
    assert.deepEqual(
      tail.events.map(({ epoch, sequence }) => ({ epoch, sequence })),
      positions.map(({ epoch, sequence }) => ({ epoch, sequence })),
    );
    for (let i = 1; i < 603; i++) assert.ok(positions[i]!.sequence > positions[i - 1]!.sequence);
  });

  it('delivers events as they were', async () => {
    const { backplane, tail } = await node();
    const drafts: Draft[] = [
      draft('a', null),
      draft('a.b-c_d$e~f', { text: 'two\nlines, "quotes", \u0000, ü, 😀, \u2028' }),
      draft('a', 'x'.repeat(200_000), { type: 'large' }),
      draft('a', 1, { type: 'größer "als" {drei}', except: 'some-connection' }),
      draft('a', 2, { except: 'some-connection' }),
      draft('a', 3, { messageId: '!~' }),
      draft('a', 4, { meta: { traceparent: '00-ü', n: 1.5, 'is-last': false } }),
      draft('a', 5, { type: 't', except: 'c', publisher: 'p', meta: { ['__proto__']: 'own' } }),
    ];
    await Promise.all(drafts.map((each) => backplane.append(each)));
    await tail.until(({ events }) => events.length === drafts.length);
    assert.deepEqual(
      tail.events.map(({ topic, type, data, except, meta }) => ({ topic, type, data, except, meta })),
      drafts.map(({ topic, type, data, except, meta }) => ({ topic, type, data, except, meta })),
    );
  });

  it('stores a message id once, however often and however soon it comes', async () => {
    const { backplane, tail } = await node();
    const twice = [draft('a', 'first', { messageId: 'one' }), draft('b', 'second', { messageId: 'one' })];
    const [first, second] = await Promise.all(twice.map((each) => backplane.append(each)));
    const later = await backplane.append(draft('a', 'third', { messageId: 'one' }));
    const other = await backplane.append(draft('a', 'other', { messageId: 'two' }));
    await tail.until(({ events }) => events.some(({ sequence }) => sequence === other.sequence));
    assert.deepEqual([second, later], [first, first]);
    assert.deepEqual(tail.data, ['first', 'other']);
  });

  it('stores equal events without a message id separately', async () => {
    const { backplane, tail } = await node();
    await Promise.all([backplane.append(draft('a', 1)), backplane.append(draft('a', 1))]);
    await tail.until(({ events }) => events.length === 2);
    assert.notEqual(tail.events[0]!.sequence, tail.events[1]!.sequence);
  });

  it('delivers ephemeral events without a place in the log', async () => {
    const { backplane, tail } = await node();
    await backplane.sendEphemeral(draft('a', 'gone', { type: 'typing', except: 'me', meta: { n: 1 } }));
    await backplane.append(draft('a', 'kept'));
    await tail.until(({ events, ephemeral }) => events.length === 1 && ephemeral.length === 1);
    const [{ sequence, topic, type, data, except, meta }] = tail.ephemeral as [(typeof tail.ephemeral)[0]];
    assert.deepEqual(
      [sequence, topic, type, data, except, meta],
      [0, 'a', 'typing', '"gone"', 'me', { n: 1 }],
    );
    assert.deepEqual(tail.data, ['kept']);
  });

  it('delivers control messages to the node that sent them', async () => {
    const { backplane, tail } = await node();
    await backplane.control('{"revoke":"ü\\n"}');
    await tail.until(({ messages }) => messages.length === 1);
    assert.deepEqual(tail.messages, ['{"revoke":"ü\\n"}']);
  });

  it('reports that it is ready', async () => {
    const { backplane } = await node();
    const health = await backplane.health();
    assert.equal(health.ready, true, health.detail);
    assert.notEqual(health.detail, '');
  });

  it('settles what is pending when it is closed, and may be closed again', async () => {
    const { backplane } = await node();
    const pending = upTo(500).map((n) => backplane.append(draft('a', n)));
    const settled = Promise.allSettled(pending);
    await backplane.close();
    for (const result of await settled)
      assert.ok(result.status === 'fulfilled' || result.reason instanceof PushError);
    await backplane.close();
  });
}
