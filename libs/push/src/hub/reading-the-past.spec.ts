import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryNode, type RecordingClient } from '../../test/models/memory-node.js';
import { Meter, turnUnits } from '../../test/models/meter.js';

/** Counted work takes its time on a machine that is busy. */
jest.setTimeout(180_000);

/** More than a turn may read. */
const long = 30_000;

function nodeWithPast(topicOf: (n: number) => string = () => 'past'): MemoryNode {
  const node = new MemoryNode({ retention: { events: long, age: Infinity } });
  for (let data = 1; data <= long; data++) node.publish(topicOf(data), data);
  return node;
}

function connect(node: MemoryNode, budget = new Meter()): RecordingClient & { readonly budget: Meter } {
  return Object.assign(node.connect(), { budget });
}

const countOf = (client: RecordingClient) =>
  client.batches.reduce((sum, { events }) => sum + events.filter(({ topic }) => topic !== 'news').length, 0);

/** Waits for it, turn by turn. Returns what was spent in each, and what CPU time a turn took, on average, in milliseconds. */
async function untilLive(client: RecordingClient & { readonly budget: Meter }) {
  const units: number[] = [];
  const began = process.cpuUsage();
  for (let before = client.budget.spent; !client.cursor.isLive; before = client.budget.spent) {
    await turn();
    units.push(client.budget.spent - before);
  }
  const { user, system } = process.cpuUsage(began);
  return { units, cpu: (user + system) / 1_000 / units.length };
}

describe('Reading the past', () => {
  it('takes many turns if it is long, between which the others get what is published', async () => {
    const node = nodeWithPast();
    const live = node.connect();
    live.cursor.subscribe(['news'], 'now');
    await node.delivered();
    const reader = connect(node);
    reader.cursor.subscribe(['past'], 'earliest');
    expect(countOf(reader)).toBeLessThan(long / 2);
    node.publish('news', 1);
    await node.delivered();
    expect(live.story).toEqual(['news=1']);
    expect(reader.cursor.isLive).toBe(false);
    const { units } = await untilLive(reader);
    expect(Math.max(...units)).toBeLessThan(turnUnits);
    expect(countOf(reader)).toBe(long);
  });

  it('is charged to the client by entries that are looked at, found or not; live delivery is not', async () => {
    const node = nodeWithPast((n) => `news.${n % 2_000}.part`);
    await node.delivered();
    const reader = connect(node);
    reader.cursor.subscribe(['news.*.*.nothing'], 'earliest');
    await untilLive(reader);
    const { spent } = reader.budget;
    expect(spent).toBeGreaterThan(long);
    reader.cursor.subscribe(['news.>'], 'now');
    await untilLive(reader);
    const before = reader.budget.spent;
    node.publish('news.1.part', 1, 2, 3);
    await node.delivered();
    expect(countOf(reader)).toBe(3);
    expect(reader.budget.spent).toBe(before);
  });

  it.each<[string, (node: MemoryNode, reader: RecordingClient) => void]>([
    [
      'for hundreds of patterns that match nothing',
      (_, { cursor }) =>
        cursor.subscribe(
          numbers(254).map((n) => `news.*.*.q${n}`),
          'earliest',
        ),
    ],
    [
      'for many patterns that match much',
      (_, { cursor }) => cursor.subscribe(['news.>', 'news.*.>', 'news.*.part', '*.*.part'], 'last'),
    ],
    [
      'beside hundreds of patterns that were read before, none of which brought it',
      (_, { cursor }) => {
        cursor.subscribe(['news.*.part'], 'now');
        cursor.subscribe(
          numbers(254).map((n) => `news.${n}.*.q`),
          'earliest',
        );
        cursor.subscribe(['news.>'], 'earliest');
      },
    ],
    [
      'where all patterns of a connection are compared with all others of it',
      (_, { cursor }) => {
        cursor.subscribe(
          numbers(254).map((n) => `news.${n}.>`),
          'earliest',
        );
        cursor.subscribe(
          numbers(254).map((n) => `news.*.q${n}.>`),
          'earliest',
        );
        cursor.subscribe(
          numbers(254).map((n) => `news.${n}.>`),
          'earliest',
        );
      },
    ],
    [
      'where everything that is asked for was lost by topics of which none matches',
      (node, { cursor }) => {
        node.log.window.reset(long);
        for (const n of numbers(long)) node.publish(`news.${n % 20_000}.part`, n);
        cursor.subscribe(
          numbers(100).map((n) => `news.*.q${n}`),
          'earliest',
        );
        cursor.subscribe(
          numbers(100).map((n) => `news.*.q${n}.r`),
          node.id(long + 10),
        );
      },
    ],
  ])('%s takes turns of bounded work', async (_, ask) => {
    const node = nodeWithPast((n) => `news.${n % 2_000}.part`);
    await node.delivered();
    const reader = connect(node);
    ask(node, reader);
    expect(reader.budget.spent).toBeLessThan(turnUnits);
    const { units, cpu } = await untilLive(reader);
    expect(units.length).toBeGreaterThan(1);
    expect(Math.max(...units)).toBeLessThan(turnUnits);
    expect(cpu).toBeLessThan(50);
  });

  it('costs those who ask for the same at the same time once', async () => {
    const node = nodeWithPast();
    await node.delivered();
    const readers = numbers(5).map(() => connect(node));
    for (const reader of readers) reader.cursor.subscribe(['past'], 'earliest');
    for (const reader of readers) await untilLive(reader);
    expect(readers.map(countOf)).toEqual(readers.map(() => long));
    const spent = readers.reduce((sum, { budget }) => sum + budget.spent, 0);
    expect(spent).toBeLessThan(4 * long);
  });

  it('is not done for a client that has left', async () => {
    const node = nodeWithPast();
    await node.delivered();
    const [first, second] = [connect(node), connect(node)];
    for (const reader of [first, second]) reader.cursor.subscribe(['past'], 'earliest');
    second.cursor.leave();
    const count = countOf(second);
    await untilLive(first);
    expect(countOf(second)).toBe(count);
    expect(node.log.scheduler.size).toBe(0);
  });

  it('is not done again for who asks for what it has, however often', async () => {
    const node = nodeWithPast();
    const client = connect(node);
    client.cursor.subscribe(['>'], 'earliest');
    await untilLive(client);
    for (let count = 0; count < 100; count++) client.cursor.subscribe([count % 2 ? '>' : 'past'], 'earliest');
    await untilLive(client);
    expect(countOf(client)).toBe(long);
    // The newest of a topic is another matter: it may be from before.
    const other = connect(node);
    other.cursor.subscribe(['past'], 'now');
    other.cursor.subscribe(['past'], 'last');
    await untilLive(other);
    expect(other.story).toEqual([`past=${long}`]);
  });

  it('waits for a client that is at its limits, which loses nothing by that', async () => {
    const node = nodeWithPast();
    await node.delivered();
    const budget = new Meter();
    const client = connect(node, budget);
    budget.delay = 1;
    client.cursor.subscribe(['past'], 'earliest');
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(client.writes).toEqual([]);
    budget.delay = 0;
    await untilLive(client);
    expect(countOf(client)).toBe(long);
    expect(client.gaps).toEqual([]);
  });
});

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
