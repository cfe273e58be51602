import assert from 'node:assert/strict';
import { PushError } from '../contracts/errors.js';
import type { OnPushEvent } from '../handlers/on-push.decorator.js';
import type { LogUnderTest } from './backplane.contract.js';
import { upTo } from './drafts.js';
import { eventually, group, GroupScene } from './group-scene.js';

/** How long a test may take, in milliseconds: one waits until a node is missed. */
const timeout = 90_000;

const orders = (count: number, data: unknown = 0) =>
  upTo(count).map((index) => ({ topic: `orders.${index}`, data }));

/**
 * The tests that groups of handlers (`@OnPush(…, { group })`) pass on every backplane that nodes share and that has state topics
 * (`keepsState`): call it in a spec of Jest, or of Vitest with `globals`, beside `describeBackplane`. It starts nodes of Nest, without a
 * server, that need `@nestjs/core`.
 *
 * @param create makes an empty log; it is called before each test
 */
export function describeGroups(name: string, create: () => Promise<LogUnderTest> | LogUnderTest): void {
  describe(`Groups of handlers on ${name}`, () => {
    let scene: GroupScene;
    beforeEach(async () => {
      scene = new GroupScene(await create());
    });
    afterEach(() => scene.close(), timeout);

    describeSharing(() => scene);
    describeNodesThatLeave(() => scene);
    describeFailures(() => scene);
  });
}

function describeSharing(scene: () => GroupScene): void {
  it(
    'handle each event on one node, in the order of its topic',
    async () => {
      const handled: OnPushEvent[] = [];
      const handle = async (event: OnPushEvent) => {
        await Promise.resolve();
        handled.push(event);
      };
      const nodes = [await scene().node({ handle }), await scene().node({ handle })] as const;
      const publications = upTo(400).map((index) => ({
        topic: `orders.${index % 40}`,
        data: Math.floor(index / 40),
      }));
      await nodes[0].bus.publishMany(publications.slice(0, 200));
      await nodes[1].bus.publishMany(publications.slice(200));
      await eventually(() => handled.length >= 400);
      for (const number of upTo(40)) {
        const own = handled.filter(({ topic }) => topic === `orders.${number}`);
        assert.deepEqual(
          own.map(({ data }) => data),
          upTo(10),
        );
      }
      assert.equal(handled.length, 400);
      for (const { errors } of nodes) assert.deepEqual(errors, []);
    },
    timeout,
  );

  it(
    'share the topics among the nodes that there are, as they come and go',
    async () => {
      const handled: string[] = [];
      const one = await scene().node({ handle: () => handled.push('one') });
      const publish = async () => {
        handled.length = 0;
        await one.bus.publishMany(orders(100));
        await eventually(() => handled.length >= 100);
        return new Set(handled);
      };
      assert.deepEqual(await publish(), new Set(['one']));
      const two = await scene().node({ handle: () => handled.push('two') });
      await eventually(async () => (await publish()).size === 2);
      assert.equal(handled.length, 100);
      await two.close();
      await eventually(async () => (await publish()).size === 1);
      assert.deepEqual(await publish(), new Set(['one']));
    },
    timeout,
  );

  it(
    'begin with what is published when their first node has started',
    async () => {
      const early = await scene().node();
      await early.bus.publish('orders.1', 'too early');
      const handled: unknown[] = [];
      const node = await scene().node({ handle: ({ data }) => handled.push(data) });
      await node.bus.publish('orders.1', 'first');
      await eventually(() => handled.length > 0);
      assert.deepEqual(handled, ['first']);
    },
    timeout,
  );
}

function describeNodesThatLeave(scene: () => GroupScene): void {
  it(
    'go on after a restart where they were',
    async () => {
      const handled: unknown[] = [];
      const handle = ({ data }: OnPushEvent) => handled.push(data);
      const first = await scene().node({ handle });
      await first.bus.publish('orders.1', 'before');
      await eventually(() => handled.length === 1);
      await first.close();
      const other = await scene().node();
      await other.bus.publish('orders.1', 'meanwhile');
      await other.bus.publish('orders.2', 'meanwhile too');
      const second = await scene().node({ handle });
      await second.bus.publish('orders.1', 'after');
      await eventually(() => handled.length >= 4);
      assert.deepEqual(new Set(handled), new Set(['before', 'meanwhile', 'meanwhile too', 'after']));
      assert.equal(handled.length, 4);
      assert.ok(handled.indexOf('meanwhile') < handled.indexOf('after'));
      assert.deepEqual(second.errors, []);
    },
    timeout,
  );

  it(
    'have the other nodes handle what a node had that is gone',
    async () => {
      const handled = new Set<string>();
      const handle = ({ topic }: OnPushEvent) => handled.add(topic);
      const lost: string[] = [];
      const one = await scene().node({
        handle: ({ topic, signal }) => {
          lost.push(topic);
          return new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      });
      await one.bus.publishMany(orders(20));
      await eventually(() => lost.length === 20);
      // To the others it is as dead: nothing that it says comes to them.
      const { backplane } = one;
      const append = backplane.append.bind(backplane);
      backplane.append = () => Promise.reject(new PushError('UNAVAILABLE', 'The node is cut off.'));
      const two = await scene().node({ handle });
      await two.bus.publishMany(orders(20, 'later'));
      await eventually(() => handled.size === 20);
      backplane.append = append;
    },
    timeout,
  );

  it(
    'are told of events that are gone, before any that came later',
    async () => {
      const handled: unknown[] = [];
      const options = {
        handle: ({ data }: OnPushEvent) => handled.push(data),
        gap: ({ reason, topics }: { reason: string; topics: readonly string[] }) =>
          handled.push([reason, topics]),
        push: { retention: { events: 2 } },
      };
      const first = await scene().node(options);
      await first.bus.publish('orders.1', 0);
      await eventually(() => handled.length === 1);
      await first.close();
      const other = await scene().node({ push: options.push });
      for (const number of upTo(300)) await other.bus.publish('orders.1', number);
      await scene().node(options);
      await eventually(() => handled.includes(299));
      const later = handled.slice(1);
      // Some logs keep more than they have to.
      if (later.length === 300) return assert.deepEqual(later, upTo(300));
      assert.deepEqual(later[0], ['evicted', ['orders.*']]);
      assert.deepEqual(later.slice(1), upTo(300).slice(301 - later.length));
    },
    timeout,
  );
}

function describeFailures(scene: () => GroupScene): void {
  it(
    'try an event that fails again, and hold its topic alone meanwhile',
    async () => {
      const handled: string[] = [];
      let open: () => void = () => undefined;
      const opened = new Promise<void>((resolve) => (open = resolve));
      const node = await scene().node({
        handle: async ({ topic, data, attempt }) => {
          handled.push(`${topic} ${String(data)} ${attempt}`);
          if (data !== 'bad' || attempt === 3) return;
          await opened;
          throw new Error(`failed ${attempt}`);
        },
      });
      await node.bus.publish('orders.0', 'bad');
      await node.bus.publishMany(orders(20, 'good'));
      await eventually(() => handled.length === 20);
      assert.ok(!handled.includes('orders.0 good 1'));
      open();
      await eventually(() => handled.length === 23);
      assert.deepEqual(
        handled.filter((each) => each.startsWith('orders.0 ')),
        ['orders.0 bad 1', 'orders.0 bad 2', 'orders.0 bad 3', 'orders.0 good 1'],
      );
      assert.deepEqual(node.errors, ['failed 1', 'failed 2']);
      assert.deepEqual(await node.letters.list(group), []);
    },
    timeout,
  );

  it(
    'put an event aside that fails too often: every node can list, replay and discard it',
    async () => {
      let isBroken = true;
      const handled: unknown[] = [];
      const options = {
        handle: ({ data }: OnPushEvent) => {
          if (isBroken && data !== 'good') throw new TypeError('broken');
          handled.push(data);
        },
        declared: { retries: 1 },
      };
      const nodes = [await scene().node(options), await scene().node(options)] as const;
      const list = (node: 0 | 1) => nodes[node].letters.list(group);
      const id = await nodes[0].bus.publish('orders.1', 'bad', { type: 'paid', meta: { by: 'ann' } });
      await nodes[0].bus.publish('orders.2', 'worse');
      await nodes[0].bus.publish('orders.1', 'good');
      await eventually(async () => handled.length === 1 && (await list(1)).length === 2);
      const [letter, other] = await list(1);
      assert.deepEqual(letter!.event, {
        ...{ id, topic: 'orders.1', type: 'paid' },
        ...{ data: 'bad', meta: { by: 'ann' } },
      });
      assert.deepEqual([letter!.attempts, letter!.error.message, letter!.isReplaying], [2, 'broken', false]);
      // It fails again.
      assert.equal(await nodes[1].letters.replay(letter!.id), true);
      await eventually(async () => (await list(0))[0]?.attempts === 4);
      isBroken = false;
      assert.equal(await nodes[0].letters.replay(letter!.id), true);
      await eventually(async () => (await list(0)).length === 1);
      assert.deepEqual(handled, ['good', 'bad']);
      assert.equal(await nodes[1].letters.discard(other!.id), true);
      await eventually(async () => (await list(0)).length === 0);
      assert.equal(await nodes[1].letters.discard(other!.id), false);
    },
    timeout,
  );
}
