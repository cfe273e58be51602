import { Logger } from '@nestjs/common';
import { array, assert as check, asyncProperty, constantFrom, nat, record } from 'fast-check';
import { PushModule, type Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import assert from 'node:assert/strict';
import { seed } from '../libs/push/test/models/seed.js';
import { cleanUp } from './support/cleanup.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

/*
 * What is told of the past, on real servers: pages backwards, `last:<n>` and `start` say what the log says, whatever node
 * is asked, and whatever its window has room for.
 */

const kept = 12;
const topics = ['rooms.a', 'rooms.b', 'rooms.c', 'other'];
const padding = 'x'.repeat(20_000);

interface Numbered {
  readonly n: number;
}

/** What was published to a topic, by its number in the order of the log. */
type Log = ReadonlyMap<string, readonly number[]>;

const kinds: [string, () => Promise<ServerProcess>, (port: number, log: string) => Backplane][] = [
  [
    'Redis',
    startRedis,
    (port, prefix) => redisBackplane({ url: `redis://127.0.0.1:${port}`, prefix, feedLength: 30 }),
  ],
  [
    'NATS',
    startNats,
    (port, stream) => natsBackplane({ servers: `127.0.0.1:${port}`, stream, perTopic: 24 }),
  ],
  ['Postgres', startPostgres, (port, schema) => postgresBackplane({ url: urlOf(port), schema })],
];

async function startNode(backplane: Backplane): Promise<RunningApp> {
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({
        backplane,
        topics: [{ pattern: '>', access: 'public' }],
        // A window that has room for some events only.
        retention: { events: kept, bytes: 100_000 },
      }),
    ],
  });
  await eventually(async () => (await app.bus.health()).ready);
  return app;
}

/** Pages backwards up to the beginning. */
async function allPages({ bus }: RunningApp, topic: string, limit: number) {
  const numbers: number[] = [];
  for (let before: string | undefined, isFirst = true; isFirst || before; isFirst = false) {
    const page = await bus.history<string>(topic, { before, limit });
    assert.ok(page.events.length <= limit);
    numbers.unshift(...page.events.map(({ data }) => (data as Numbered).n));
    before = page.before;
    if (before === undefined) return { numbers, gap: page.gap };
  }
  throw new Error('There is no last page.');
}

/**
 * Asserts that `numbers` are the newest of `all`: at least those that are kept, and all unless a loss was told, which it may
 * be as soon as the topic has had more than are kept.
 */
function isEndOf(all: readonly number[], numbers: readonly number[], isToldOfLoss: boolean): void {
  assert.deepEqual(numbers, all.slice(all.length - numbers.length));
  assert.ok(numbers.length >= Math.min(kept, all.length), `${numbers.length} of ${all.length}`);
  assert.ok(
    isToldOfLoss ? all.length > kept : numbers.length === all.length,
    `told of a loss: ${isToldOfLoss}`,
  );
}

/** Asks both doors, and expects the newest `n` of each room in the order of the log, and then what is live. */
async function checkLast(
  app: RunningApp,
  log: Log,
  n: number,
  isOver: number,
  order: number[],
): Promise<void> {
  const newest = topics
    .flatMap((topic) => (topic === 'other' ? [] : log.get(topic)!.slice(-n)))
    .sort((one, other) => order.indexOf(one) - order.indexOf(other));
  const sse = await openStream(app.url(`/push/events?topic=rooms.*&topic=end&from=last:${n}`));
  const ws = await openWs(app.webSocketUrl());
  await ws.subscribe(['rooms.*', 'end'], `last:${n}`);
  await sse.until(() => sse.data.some((text) => (JSON.parse(text) as { data: Numbered }).data.n === isOver));
  await ws.until(() => ws.data.some((data) => (data as Numbered).n === isOver));
  const ofSse = sse.data.map((text) => (JSON.parse(text) as { data: Numbered }).data.n);
  const ofWs = ws.data.map((data) => (data as Numbered).n);
  for (const numbers of [ofSse, ofWs]) assert.deepEqual(numbers, [...newest, isOver]);
  assert.deepEqual([sse.gaps, ws.all('gap')], [[], []]);
}

async function checkStart(
  app: RunningApp,
  topic: string,
  all: readonly number[],
  isOver: number,
): Promise<void> {
  const ws = await openWs(app.webSocketUrl());
  await ws.subscribe([topic, 'end'], 'start');
  await ws.until(() => ws.data.some((data) => (data as Numbered).n === isOver));
  const numbers = ws.data.map((data) => (data as Numbered).n).filter((n) => n !== isOver);
  const gaps = ws.all('gap').filter(({ topics }) => (topics as string[]).includes(topic));
  isEndOf(all, numbers, gaps.length > 0);
  if (gaps.length > 0) {
    const isFirst = (event: string) => ws.messages.findIndex((message) => message.event === event);
    assert.ok(isFirst('gap') < isFirst('message'), 'the notice comes first');
  }
}

const published = record({
  topic: constantFrom(...topics),
  node: nat(1),
  isLarge: constantFrom(true, false, false),
});

beforeAll(() => Logger.overrideLogger(false));

describe.each(kinds)('Over nodes and %s', (_, startServer, backplane) => {
  let server: ServerProcess;
  let logs = 0;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  it('pages backwards, last:<n> and start are what the log says, on a node that was there and on one that comes', async () => {
    const script = record({
      before: array(published, { maxLength: 100, size: 'max' }),
      after: array(published, { maxLength: 20, size: 'max' }),
      limit: constantFrom(1, 3, 7, 50),
      n: constantFrom(1, 2, 5, kept),
    });
    const property = asyncProperty(script, async ({ before, after, limit, n }) => {
      const name = `log${++logs}`;
      const own = () => backplane(server.port, name);
      try {
        const nodes = await Promise.all([startNode(own()), startNode(own())]);
        const ids = new Map<string, { topic: string; n: number }>();
        let count = 0;
        const publish = async (all: typeof before) => {
          await Promise.all(
            all.map(async ({ topic, node, isLarge }) => {
              const number = ++count;
              const id = await nodes[node]!.bus.publish(topic, { n: number, ...(isLarge && { padding }) });
              ids.set(id, { topic, n: number });
            }),
          );
        };
        await publish(before);
        const newcomer = await startNode(own());
        await publish(after);
        const isOver = ++count;
        await nodes[0]!.bus.publish('end', { n: isOver });
        const sequence = (id: string) => Number(id.split('-')[1]);
        const ordered = [...ids].sort(([one], [other]) => sequence(one) - sequence(other));
        const log = new Map(
          topics.map((topic) => [
            topic,
            ordered.flatMap(([, each]) => (each.topic === topic ? [each.n] : [])),
          ]),
        );
        for (const app of [nodes[1]!, newcomer]) {
          await eventually(async () => (await app.bus.history('end')).events.length > 0);
          for (const [topic, all] of log) {
            const { numbers, gap } = await allPages(app, topic, limit);
            isEndOf(all, numbers, gap === 'evicted');
            await checkStart(app, topic, all, isOver);
          }
          await checkLast(
            app,
            log,
            n,
            isOver,
            ordered.map(([, each]) => each.n),
          );
        }
      } finally {
        await cleanUp();
      }
    });
    await check(property, {
      numRuns: 8,
      seed,
      interruptAfterTimeLimit: 480_000,
      markInterruptAsFailure: true,
    });
  }, 540_000);
});
