import { Logger } from '@nestjs/common';
import {
  array,
  assert as check,
  asyncProperty,
  constant,
  constantFrom,
  nat,
  oneof,
  record,
} from 'fast-check';
import assert from 'node:assert/strict';
import type { Backplane, Draft, LogEvent } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { MemoryLog, startRecording, type RecordedNode } from 'nestjs-push/testing';
import { seed } from '../libs/push/test/models/seed.js';
import { chunk, ending, finiteRules, forgotten, pagesOf, put } from './support/ends.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';

/*
 * Two nodes publish to, end and forget a few topics, at the same time and in any order. In the log nothing follows an end but a
 * removal; what was resolved is there, and what was refused is not; pages have what came since the last removal.
 */

interface Append {
  readonly node: number;
  readonly draft: Draft;
  readonly outcome: Promise<string | undefined>;
}

const topic = constantFrom('run.a', 'run.b', 'run.c', 'plain');
const messageId = constantFrom(undefined, undefined, undefined, 'one', 'two');
const step = oneof(
  { weight: 8, arbitrary: record({ do: constant('publish' as const), node: nat(1), topic, messageId }) },
  { weight: 3, arbitrary: record({ do: constant('end' as const), node: nat(1), topic, messageId }) },
  { weight: 2, arbitrary: record({ do: constant('forget' as const), node: nat(1), topic }) },
  { weight: 2, arbitrary: record({ do: constant('settle' as const) }) },
);
type Step = typeof step extends { generate: (...args: never[]) => { value: infer Value } } ? Value : never;

const kinds: [
  string,
  () => Promise<Pick<ServerProcess, 'port' | 'dispose'>>,
  (port: number, log: string) => () => Backplane,
][] = [
  [
    'one process',
    () => Promise.resolve({ port: 0, dispose: () => Promise.resolve() }),
    () => {
      const log = new MemoryLog();
      return () => log.node();
    },
  ],
  ['Redis', startRedis, (port, prefix) => () => redisBackplane({ url: `redis://127.0.0.1:${port}`, prefix })],
  ['NATS', startNats, (port, stream) => () => natsBackplane({ servers: `127.0.0.1:${port}`, stream })],
  [
    'Postgres',
    () => startPostgres(),
    (port, log) => () => postgresBackplane({ url: urlOf(port), schema: log.replace('-', '_') }),
  ],
];

/** Takes the steps, those between two times of rest at once. */
async function play(nodes: readonly RecordedNode[], script: readonly Step[]): Promise<Append[]> {
  const appends: Append[] = [];
  for (const [n, each] of script.entries()) {
    if (each.do === 'settle') {
      await Promise.all(appends.map(({ outcome }) => outcome));
      continue;
    }
    const { node, topic: name } = each;
    // Each has data of its own. Message ids are per topic, since what a known one stored is of its first topic.
    const more = 'messageId' in each && each.messageId ? { messageId: `${name} ${each.messageId}` } : {};
    const data = { data: `${n}`, ...more };
    const isFinite = name !== 'plain';
    const draft =
      each.do === 'publish' || !isFinite
        ? chunk(name, 0, data)
        : each.do === 'end'
          ? ending(name, data)
          : { ...forgotten(name), data: `${n}` };
    appends.push({ node, draft, outcome: put(nodes[node]!, draft) });
  }
  await Promise.all(appends.map(({ outcome }) => outcome));
  return appends;
}

/** Everything that the nodes were delivered, which is the same for each, but for what left the server before one had read it. */
async function logOf(nodes: readonly RecordedNode[]): Promise<readonly LogEvent[]> {
  const { sequence } = await nodes[0]!.backplane.append(chunk('mark'));
  await Promise.all(nodes.map(({ tail }) => tail.until((each) => each.sequence >= sequence)));
  const all = new Map<number, LogEvent>();
  for (const event of nodes.flatMap(({ tail }) => tail.events)) {
    const { sequence: place, topic: name, data } = all.get(event.sequence) ?? event;
    assert.deepEqual([event.topic, event.data], [name, data]);
    all.set(place, event);
  }
  for (const { tail } of nodes)
    for (const event of all.values())
      assert.ok(tail.events.some(({ id }) => id === event.id) || wasSkipped([tail], event.sequence));
  return [...all.values()].filter((event) => event.topic !== 'mark').sort((a, b) => a.sequence - b.sequence);
}

/** Whether each node was told that it cannot have an event: it was removed, and left the server. */
function wasSkipped(tails: readonly RecordedNode['tail'][], sequence: number): boolean {
  return tails.every(({ skipped }) => skipped.some((end) => end >= sequence));
}

const isRemoved = ({ meta }: Pick<LogEvent, 'meta'>) => meta?.removed === true;
const hasEnd = ({ meta }: Pick<LogEvent, 'meta'>) => typeof meta?.end === 'string';

async function checkOutcomes(
  appends: readonly Append[],
  log: readonly LogEvent[],
  tails: readonly RecordedNode['tail'][],
): Promise<void> {
  const stored = new Map(log.map((event) => [event.data, event]));
  assert.equal(stored.size, log.length, 'each is stored once');
  const ids = new Map(log.map((event) => [event.id, event]));
  const newest = new Map<string, number>();
  for (const { node, draft, outcome } of appends) {
    const id = await outcome;
    if (id === undefined) {
      assert.ok(!stored.has(draft.data), `${draft.data} was refused, and is there`);
      const ends = log.filter((event) => event.topic === draft.topic && hasEnd(event));
      assert.ok(ends.length > 0, `${draft.data} was refused without an end`);
      continue;
    }
    const event = ids.get(id);
    if (!event && wasSkipped(tails, Number(id.slice(id.lastIndexOf('-') + 1)))) continue;
    assert.ok(event, `${draft.data} was resolved with ${id}, which is not there`);
    if (event.data !== draft.data) {
      const first = appends.find((each) => each.draft.data === event.data)!;
      assert.equal(first.draft.messageId, draft.messageId, `${draft.data} got the id of another`);
      continue;
    }
    assert.equal(event.topic, draft.topic);
    const key = `${node} ${draft.topic}`;
    assert.ok(event.sequence > (newest.get(key) ?? 0), `${draft.data} is in the order of its node's calls`);
    newest.set(key, event.sequence);
  }
}

/** What is left of a topic: everything since its last removal. */
function checkTopic(own: readonly LogEvent[]): string[] {
  own.forEach((event, index) => {
    const next = own[index + 1];
    if (hasEnd(event) && next) assert.ok(isRemoved(next), `${next.data} follows the end ${event.data}`);
  });
  const removal = own.findLastIndex(isRemoved);
  return own.slice(Math.max(0, removal)).map(({ id }) => id!);
}

beforeAll(() => Logger.overrideLogger(false));

describe.each(kinds)('Over two nodes and %s', (_, startServer, logAt) => {
  let server: Pick<ServerProcess, 'port' | 'dispose'>;
  let logs = 0;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  it('nothing follows an end but a removal, whatever two nodes publish, end and forget at once', async () => {
    const property = asyncProperty(array(step, { maxLength: 60, size: 'max' }), async (script) => {
      const backplane = logAt(server.port, `log-${++logs}`);
      const nodes = await Promise.all([0, 1].map(() => startRecording(backplane(), finiteRules())));
      try {
        const appends = await play(nodes, script);
        const log = await logOf(nodes);
        const tails = nodes.map(({ tail }) => tail);
        await checkOutcomes(appends, log, tails);
        for (const name of ['run.a', 'run.b', 'run.c']) {
          const left = checkTopic(log.filter((event) => event.topic === name));
          for (const limit of [3, 100])
            assert.deepEqual(await pagesOf(nodes[1]!, [name], limit), { ids: left, lost: [] });
        }
      } finally {
        await Promise.all(nodes.map((node) => node.backplane.close()));
      }
    });
    await check(property, {
      numRuns: 25,
      seed,
      interruptAfterTimeLimit: 480_000,
      markInterruptAsFailure: true,
    });
  }, 540_000);
});
