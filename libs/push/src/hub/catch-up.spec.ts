import { setImmediate as turn } from 'node:timers/promises';
import { MemoryNode, type RecordingClient } from '../testing/memory-node.js';

/** More than a turn may read. */
const long = 50_000;

function nodeWithPast(): MemoryNode {
  const node = new MemoryNode({ retention: { events: long, age: Infinity } });
  for (let data = 1; data <= long; data++) node.publish('past', data);
  return node;
}

const countOf = (client: RecordingClient) =>
  client.batches.reduce((sum, { events }) => sum + events.filter(({ topic }) => topic === 'past').length, 0);

async function untilLive(client: RecordingClient): Promise<number> {
  let turns = 0;
  for (; !client.cursor.isLive; turns++) await turn();
  return turns;
}

it('a long past takes many turns, between which the others get what is published', async () => {
  const node = nodeWithPast();
  const live = node.connect();
  live.cursor.subscribe(['news'], 'now');
  await node.delivered();
  const reader = node.connect();
  reader.cursor.subscribe(['past'], 'earliest');
  expect(countOf(reader)).toBeLessThan(long / 2);
  node.publish('news', 1);
  await node.delivered();
  expect(live.story).toEqual(['news=1']);
  expect(reader.cursor.isLive).toBe(false);
  expect(await untilLive(reader)).toBeGreaterThan(2);
  expect(countOf(reader)).toBe(long);
});

it('many who read share the turns', async () => {
  const node = nodeWithPast();
  await node.delivered();
  const readers = Array.from({ length: 5 }, () => node.connect());
  for (const reader of readers) reader.cursor.subscribe(['past'], 'earliest');
  let before = 0;
  while (readers.some(({ cursor }) => !cursor.isLive)) {
    await turn();
    const read = readers.reduce((sum, reader) => sum + countOf(reader), 0);
    // A turn ends with the page that uses it up.
    expect(read - before).toBeLessThan(long / 2);
    before = read;
    // Nobody is served twice before everybody was.
    const counts = readers.filter(({ cursor }) => !cursor.isLive).map(countOf);
    expect(Math.max(0, ...counts) - Math.min(long, ...counts)).toBeLessThan(long / 2);
  }
  expect(readers.map(countOf)).toEqual([long, long, long, long, long]);
});

it('who has left is not called any more', async () => {
  const node = nodeWithPast();
  await node.delivered();
  const readers = [node.connect(), node.connect()];
  for (const reader of readers) reader.cursor.subscribe(['past'], 'earliest');
  const [first, second] = readers as [RecordingClient, RecordingClient];
  second.cursor.leave();
  await untilLive(first);
  expect(countOf(second)).toBe(0);
});

it('who asks again for what it has is not read anything, however often', async () => {
  const node = nodeWithPast();
  const client = node.connect();
  client.cursor.subscribe(['>'], 'earliest');
  await untilLive(client);
  for (let count = 0; count < 100; count++) client.cursor.subscribe([count % 2 ? '>' : 'past'], 'earliest');
  expect(client.cursor.isLive).toBe(true);
  expect(countOf(client)).toBe(long);
  // The newest of a topic is another matter: it may be from before.
  const other = node.connect();
  other.cursor.subscribe(['past'], 'now');
  other.cursor.subscribe(['past'], 'last');
  expect(other.story).toEqual([`past=${long}`]);
});

it('a client that does not read has so many subscriptions waiting, those that it took back included', async () => {
  const node = new MemoryNode();
  const client = node.connect();
  client.room = 1;
  client.cursor.subscribe(['a'], 'now');
  node.publish('a', 1);
  await node.delivered();
  const flood = () => {
    for (let count = 0; count < 2_000; count++) {
      client.cursor.subscribe(['b'], 'earliest');
      client.cursor.unsubscribe(['b']);
    }
  };
  expect(flood).toThrow('More than 1000 topics wait to be added');
});
