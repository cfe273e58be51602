import { Authenticator, type Handshake, type Principal, type PushOptions } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { DashboardView, startWithDashboard } from './support/dashboard.js';
import { providersOf } from './support/providers.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { openStream } from './support/sse-reader.js';
import { platforms, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

interface Row {
  readonly connection: string;
  readonly transport: string;
  readonly user: string | null;
  readonly address: string;
  readonly topics: readonly string[];
  readonly topicCount: number;
  readonly lag: number;
  readonly state: string;
}

interface List {
  readonly node: string;
  readonly total: number;
  readonly matched: number;
  readonly list: readonly Row[];
  readonly look?: number;
}

interface NodeReport {
  readonly node: string;
  readonly at: number;
  readonly serving: boolean;
  readonly draining: boolean;
  readonly health: { readonly ready: boolean } | null;
  readonly figures: Readonly<Record<string, number>>;
}

class ByName extends Authenticator {
  authenticate({ token }: Handshake): Principal {
    return { id: token ?? 'guest', claims: { secret: 'hunter2' } } as Principal;
  }
}

const topics = [
  { pattern: 'rooms.*', access: 'public' as const, presence: true },
  { pattern: 'orders.>', access: 'public' as const, retention: { events: 5 } },
];

const options = { topics, authenticate: ByName };

let redis: ServerProcess;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.dispose());

let clusters = 0;

/** Two nodes of one application. */
async function startTwo(
  platform: Platform = 'express',
  more: PushOptions = {},
): Promise<[RunningApp, RunningApp]> {
  const prefix = `dashboard-${clusters++}`;
  const start = () =>
    startWithDashboard(platform, {
      ...options,
      backplane: redisBackplane({ url: `redis://127.0.0.1:${redis.port}`, prefix }),
      ...more,
    });
  return [await start(), await start()];
}

const as = (name: string) => ({ headers: { authorization: `Bearer ${name}` } });

describe.each(platforms)('A page over two nodes on %s', (platform) => {
  it('has both, with their past and their figures, and learns that one is closed', async () => {
    const [here, there] = await startTwo(platform);
    await there.bus.publish('orders.1', 1);
    const page = await DashboardView.open(here);
    await page.stream.until(() => new Set(page.told<NodeReport>('node').map(({ node }) => node)).size === 2);
    const own = await page.until<NodeReport>('node', ({ serving }) => serving);
    const other = await page.until<NodeReport>('node', ({ serving }) => !serving);
    expect([own.figures['published'], other.figures['published']]).toEqual([0, 1]);
    await page.stream.until(() => page.told('past').length === 2);
    await page.until<NodeReport>('node', ({ serving, health }) => !serving && health?.ready === true);
    await there.close();
    expect((await page.until<NodeReport>('node', ({ draining }) => draining)).node).toBe(other.node);
    // The page goes by when a node reported last: this one does not any more.
    await page.stream.until(() => {
      const newest = page.told<NodeReport>('node').slice(-3);
      return newest.every(({ node, draining }) => node === own.node && !draining);
    });
  });

  it('lists the connections of both by each filter, and of principals their ids alone', async () => {
    const [here, there] = await startTwo(platform);
    await openStream(here.url('/push/events?topic=orders.1'), as('ann'));
    await openStream(there.url('/push/events?topic=orders.2&topic=rooms.1'), as('bob'));
    const socket = await openWs(there.webSocketUrl(), as('carol'));
    await socket.subscribe('orders.*');
    const page = await DashboardView.open(here);
    let look = 0;
    const found = async (filter: object): Promise<string[]> => {
      const own = ++look;
      expect((await page.look({ look: own, connections: filter })).status).toBe(204);
      const answers = () => page.told<List>('connections').filter((each) => each.look === own);
      await page.stream.until(() => new Set(answers().map(({ node }) => node)).size === 2);
      const newest = new Map(answers().map((each) => [each.node, each]));
      for (const { matched, list, total } of newest.values()) {
        expect(matched).toBe(list.length);
        expect(total).toBe(2);
      }
      return [...newest.values()].flatMap(({ list }) => list.map(({ user }) => user ?? '-')).toSorted();
    };
    expect(await found({})).toEqual(['ann', 'bob', 'carol', 'guest']);
    expect(await found({ user: 'bo' })).toEqual(['bob']);
    expect(await found({ topic: 'orders.1' })).toEqual(['ann', 'carol']);
    expect(await found({ topic: 'orders.*' })).toEqual(['ann', 'bob', 'carol']);
    expect(await found({ topic: 'oom' })).toEqual(['bob']);
    expect(await found({ transport: 'websocket' })).toEqual(['carol']);
    expect(await found({ address: '127.0' })).toEqual(['ann', 'bob', 'carol', 'guest']);
    expect(await found({ address: '10.0.0.1' })).toEqual([]);
    expect(await found({ user: 'ann', topic: 'rooms' })).toEqual([]);
    const all = page.told<List>('connections').flatMap(({ list }) => list);
    expect(all.find(({ user }) => user === 'bob')).toMatchObject({
      transport: 'sse',
      topics: ['orders.2', 'rooms.1'],
      topicCount: 2,
      lag: 0,
      state: 'live',
    });
    // The page itself is a client too. Its own name is shown to no other page.
    expect(all.find(({ user }) => user === 'guest')!.topics).toEqual(['$dashboard']);
    expect(page.stream.body).not.toContain('hunter2');
  });

  it('says by any node what it looks at', async () => {
    const [here, there] = await startTwo(platform);
    const page = await DashboardView.open(here);
    await page.look({ look: 7, topics: {} }, there.url('/push/dashboard'));
    await page.until<{ look?: number }>('topics', (list) => list.look === 7);
  });
});

it('Topics are listed with their rules, newest first, and filtered', async () => {
  const [here] = await startTwo();
  // What is published before a node knows the log is not in its memory.
  await eventually(() => here.bus.stats().positions.head !== '');
  for (const topic of ['orders.1', 'orders.2.a', 'free', 'orders.1']) await here.bus.publish(topic, { a: 1 });
  await eventually(() => here.bus.stats().window.events >= 4);
  const page = await DashboardView.open(here);
  const listed = async (look: number, filter: object) => {
    await page.look({ look, topics: filter });
    type Topics = { look?: number; total: number; matched: number; list: { topic: string }[] };
    return page.until<Topics>('topics', (list) => list.look === look);
  };
  const all = await listed(1, {});
  expect(all.list).toMatchObject([
    { topic: 'orders.1', events: 2, rule: 'orders.>' },
    { topic: 'free', events: 1, rule: null },
    { topic: 'orders.2.a', events: 1, rule: 'orders.>' },
  ]);
  expect((await listed(2, { pattern: 'orders.*' })).list.map(({ topic }) => topic)).toEqual(['orders.1']);
  expect((await listed(3, { pattern: 'rder' })).list.map(({ topic }) => topic)).toEqual([
    'orders.1',
    'orders.2.a',
  ]);
  expect((await listed(4, { pattern: 'none' })).list).toEqual([]);
});

it('A topic has its rule, newest events and who is there on all nodes, and is told again when that changes', async () => {
  const [here, there] = await startTwo();
  const markup = '<img src=x onerror=alert(1)>';
  const ids: string[] = [];
  for (let n = 0; n < 12; n++)
    ids.push(await there.bus.publish('rooms.1', n === 11 ? 'x'.repeat(5_000) : n, { type: markup }));
  await openStream(there.url('/push/events?topic=rooms.1'), as('bob'));
  const page = await DashboardView.open(here);
  await page.look({ topic: 'rooms.1' });
  interface Details {
    readonly topic: string;
    readonly rule: object;
    readonly snapshot: string;
    readonly events: readonly { id: string; at: number; data: string; cut: boolean; type: string }[];
    readonly presence: { readonly users: number; readonly clients: number; readonly list: object[] };
  }
  const details = await page.until<Details>('topic', ({ presence }) => presence.users === 1);
  expect(details).toMatchObject({
    topic: 'rooms.1',
    rule: { pattern: 'rooms.*', state: false, finite: false, presence: true },
    presence: { users: 1, clients: 1, list: [{ user: 'bob', clients: 1 }] },
    snapshot: 'none',
  });
  expect(details.events.map(({ id }) => id)).toEqual(ids.slice(2).toReversed());
  expect(details.events[0]).toMatchObject({ data: `"${'x'.repeat(2_047)}`, cut: true, type: markup });
  expect(Math.abs(Date.now() - details.events[0]!.at)).toBeLessThan(300_000);
  const id = await there.bus.publish('rooms.1', 'new');
  await page.until<Details>('topic', ({ events }) => events[0]?.id === id);
});

it('A tail has what comes, the newest 48 events of a second at most, and counts the others', async () => {
  const [here, there] = await startTwo();
  const page = await DashboardView.open(here);
  interface Report {
    readonly events: readonly { topic: string; data: string; id: string | null }[];
    readonly skipped: number;
  }
  await page.look({ tail: 'orders.>' });
  const id = await there.bus.publish('orders.first', { a: '<script>' });
  await there.bus.publish('free', 1);
  const first = await page.until<Report>('tail');
  expect(first).toMatchObject({
    pattern: 'orders.>',
    events: [{ id, topic: 'orders.first', data: '{"a":"<script>"}', cut: false }],
    skipped: 0,
  });
  const began = performance.now();
  const count = 2_000;
  await Promise.all(Array.from({ length: count }, (_, n) => there.bus.publish('orders.x', n)));
  await there.bus.publish('orders.first', 2, { ephemeral: true });
  const last = await there.bus.publish('orders.first', 'last');
  const reports = () => page.told<Report>('tail').slice(1);
  const all = () => reports().reduce((sum, { events, skipped }) => sum + events.length + skipped, 0);
  await page.stream.until(() => all() === count + 2);
  for (const { events } of reports()) expect(events.length).toBeLessThanOrEqual(12);
  // The newest are shown.
  expect(reports().flatMap(({ events }) => events.map((event) => event.id))).toContain(last);
  // A quarter of a second passes before each.
  expect(reports().length).toBeLessThanOrEqual((performance.now() - began) / 250 + 2);
  await page.look({});
  const told = page.told('tail').length;
  await there.bus.publish('orders.first', 3);
  await page.until('node', () => page.told('node').length > 6);
  expect(page.told('tail')).toHaveLength(told);
});

it('While no page looks, a node lists nothing and reads nothing', async () => {
  const [app] = await startTwo();
  const { Clients, Hub } = providersOf(app.nest, ['Clients', 'Hub']);
  let lists = 0;
  for (const [target, name] of [
    [Clients, 'all'],
    [Hub, 'older'],
  ] as const) {
    const original = target[name]!.bind(target);
    target[name] = (...args: unknown[]) => {
      lists++;
      return original(...args);
    };
  }
  await app.bus.publish('orders.1', 1);
  const page = await DashboardView.open(app);
  await page.look({ connections: {}, topics: {}, topic: 'orders.1', tail: '>' });
  await page.until('topic');
  await page.until('connections');
  expect(lists).toBeGreaterThanOrEqual(2);
  page.stream.drop();
  await eventually(() => app.bus.stats().connections === 0);
  const before = lists;
  // Two rounds of the node pass.
  const other = await DashboardView.open(app);
  await other.stream.until(() => other.told<NodeReport>('node').filter(({ serving }) => serving).length >= 3);
  expect(lists).toBe(before);
});
