import { MemoryNode, type RecordingClient } from '../../../test/models/memory-node.js';

/** Subscribes, and writes the calls between what is delivered. */
function subscribe(client: RecordingClient, patterns: string[], start: string, repeat?: boolean): void {
  const note = (text: string) => (id: string) => client.notes.push([client.writes.length, `${text}(${id})`]);
  const name = patterns.join(' ');
  client.cursor.subscribe(patterns, start, note(`begin ${name}`), { onLive: note(`live ${name}`), repeat });
}

describe('Several subscriptions of a connection', () => {
  it('have their turns one after the other: between begin and live, everything is of one alone', async () => {
    const node = new MemoryNode();
    node.publish('b', 1, 2);
    node.publish('a', 3, 4);
    node.publish('b', 5);
    const client = node.connect();
    subscribe(client, ['c'], 'now');
    client.room = 1;
    subscribe(client, ['a'], node.id(2));
    subscribe(client, ['b'], node.id(0));
    node.publish('c', 6);
    expect(client.cursor.position).toBe(node.id(5));
    client.drain();
    await node.delivered();
    expect(client.notedStory).toEqual([
      `begin c(${node.id(5)})`,
      `live c(${node.id(5)})`,
      `begin a(${node.id(2)})`,
      'a=3',
      'a=4',
      `live a(${node.id(5)})`,
      `begin b(${node.id(0)})`,
      'b=1',
      'b=2',
      'b=5',
      `live b(${node.id(5)})`,
      'c=6',
    ]);
    expect(client.cursor.position).toBe(node.id(6));
  });

  it('that start ahead of a slow connection wait until it is there', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    subscribe(client, ['a'], 'now');
    client.room = 1;
    node.publish('a', 1);
    await node.delivered();
    node.publish('a', 2);
    node.publish('b', 3, 4);
    node.publish('a', 5);
    subscribe(client, ['b'], node.id(3));
    client.drain();
    expect(client.notedStory.slice(2)).toEqual([
      'a=1',
      'a=2',
      `begin b(${node.id(3)})`,
      `live b(${node.id(3)})`,
      'b=4',
      'a=5',
    ]);
  });

  it('repeat what another one has brought, if they are asked to', () => {
    const node = new MemoryNode();
    node.publish('a', 1, 2, 3);
    const client = node.connect();
    client.cursor.subscribe(['*'], node.id(1));
    client.cursor.subscribe(['a'], node.id(0), undefined, { repeat: true });
    client.cursor.subscribe(['a'], 'last', undefined, { repeat: true });
    client.cursor.subscribe(['a'], 'last');
    client.cursor.subscribe(['a'], node.id(0));
    expect(client.story).toEqual(['a=2', 'a=3', 'a=1', 'a=2', 'a=3', 'a=3']);
  });

  it('bring the newest events that "last" has brought again, in their place in the past', () => {
    const node = new MemoryNode();
    node.publish('a', 1, 2, 3);
    const client = node.connect();
    client.cursor.subscribe(['a'], 'last');
    client.cursor.subscribe(['*'], 'earliest');
    node.publish('a', 4);
    client.cursor.subscribe(['a'], 'earliest');
    expect(client.story).toEqual(['a=3', 'a=1', 'a=2', 'a=3', 'a=4']);
  });

  it('are told apart from what is lost: of each its own', async () => {
    const node = new MemoryNode({ retention: { events: 2, age: Infinity } });
    node.publish('a', 1, 2, 3, 4);
    node.publish('b', 5, 6, 7);
    const client = node.connect();
    subscribe(client, ['a'], node.id(3));
    subscribe(client, ['b'], node.id(1));
    subscribe(client, ['c'], 'nonsense');
    expect(client.story).toEqual(['a=4', 'evicted(b)', 'b=6', 'b=7', 'malformed(c)']);
    expect(client.gaps.map(({ id }) => id)).toEqual([node.id(5), node.id(7)]);
  });

  it('are told of losses that came while they waited, each once', async () => {
    const node = new MemoryNode({ retention: { events: 2, age: Infinity } });
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    client.room = 1;
    node.publish('a', 1);
    await node.delivered();
    node.publish('a', 2);
    client.cursor.subscribe(['a'], 'earliest');
    node.publish('a', 3, 4);
    client.drain();
    expect(client.story).toEqual(['a=1', 'slow(a)', 'a=3', 'a=4']);
  });

  it('end together when the log is replaced, if the client keeps a position of each', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    node.publish('a', 1);
    client.room = 1;
    subscribe(client, ['a'], node.id(0));
    node.replaceLog();
    expect(client.error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(node.hub.stats().connections).toBe(0);
  });

  it('answer nothing more about topics once those are taken back', () => {
    const node = new MemoryNode();
    const client = node.connect();
    node.publish('a', 1, 2);
    client.room = 1;
    const said: string[] = [];
    const say = (what: string) => (_: string, topics: readonly string[]) =>
      said.push(`${what} ${topics.join(' ')}`);
    const ask = (patterns: string[], start: string) =>
      client.cursor.subscribe(patterns, start, say('subscribed'), { onLive: say('live') });
    ask(['a', 'b'], node.id(0));
    ask(['b', 'c'], 'nonsense');
    ask(['b'], 'earliest');
    client.cursor.unsubscribe(['b']);
    expect(said).toEqual(['subscribed a b']);
    client.cursor.unsubscribe(['a']);
    // What has nothing left says so at once: nothing of it comes later.
    expect(said).toEqual(['subscribed a b', 'live ']);
    client.drain();
    expect(said.slice(2)).toEqual(['subscribed c', 'live c', 'subscribed ', 'live ']);
    expect(client.cursor.topics).toEqual(['c']);
  });

  it('wait no longer when all are taken back', () => {
    const node = new MemoryNode();
    const client = node.connect();
    node.publish('a', 1, 2);
    client.room = 1;
    client.cursor.subscribe(['a'], node.id(0));
    subscribe(client, ['b'], 'nonsense');
    client.cursor.unsubscribe(['b', 'a']);
    expect(client.cursor.topics).toEqual([]);
    expect(client.notes.map(([, text]) => text.slice(0, 6))).toEqual(['begin ', 'live b']);
    client.drain();
    expect(client.gaps).toEqual([]);
    expect(node.hub.stats()).toMatchObject({ subscriptions: 0, audiences: 0, lagging: 0 });
    expect(client.cursor.position).toBe(node.id(2));
  });
});

/** A topic of which the window has 16 to 20. */
async function nodeWithLosses(): Promise<MemoryNode> {
  const node = new MemoryNode({ retention: { events: 5, age: Infinity } });
  node.publish('m.1.0', ...numbers(1, 20));
  await node.delivered();
  return node;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const events = (from: number, to: number) => numbers(from, to).map((data) => `m.1.0=${data}`);

describe('What is lost, where subscriptions of a connection overlap', () => {
  it('is told of a pattern that is covered by one which never brought it', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    client.cursor.subscribe(['m.>'], 'earliest');
    client.cursor.subscribe(['m.1.*'], node.id(3));
    expect(client.story).toEqual([...events(16, 20), 'evicted(m.1.*)']);
  });

  it('is told also where the one that covers it was added to the same pattern again', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    for (const start of ['earliest', 'earliest', node.id(18), 'earliest'])
      client.cursor.subscribe(['m.>'], start);
    client.cursor.subscribe(['m.1.0'], node.id(3));
    expect(client.story).toEqual([...events(16, 20), 'evicted(m.1.0)']);
  });

  it('is no gap as far as it was delivered to the connection before', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    client.cursor.subscribe(['m.1.*'], node.id(20));
    node.publish('m.1.0', ...numbers(21, 40));
    await node.delivered();
    client.cursor.subscribe(['m.>'], node.id(20));
    expect(client.story).toEqual(events(21, 40));
    client.cursor.subscribe(['m.*.*'], node.id(19));
    expect(client.story.slice(20)).toEqual(['evicted(m.*.*)']);
  });

  it('is no gap either if it was delivered to a topic that was taken back while others have their turn', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    client.cursor.subscribe(['m.1.*'], node.id(20));
    node.publish('m.1.0', ...numbers(21, 25));
    node.publish('n', 0);
    await node.delivered();
    client.room = 1;
    client.cursor.subscribe(['m.>', 'n'], node.id(20));
    client.cursor.unsubscribe(['m.1.*']);
    node.publish('m.1.0', 26);
    client.drain();
    expect(client.story).toEqual([...events(21, 25), 'n=0', 'm.1.0=26']);
  });

  it('is told once, however many patterns that were told of it cover what is asked for', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    client.cursor.subscribe(['m.>'], node.id(3));
    client.cursor.subscribe(['m.1.*'], node.id(3));
    client.cursor.subscribe(['m.1.0'], node.id(10));
    expect(client.story).toEqual(['evicted(m.>)', ...events(16, 20)]);
  });

  it('is told to those who want everything again', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    client.cursor.subscribe(['m.>'], 'earliest');
    client.cursor.subscribe(['m.1.*'], node.id(3), undefined, { repeat: true });
    expect(client.story).toEqual([...events(16, 20), 'evicted(m.1.*)', ...events(16, 20)]);
  });

  it('and was the newest when only that was asked for, is told of the past', async () => {
    const node = await nodeWithLosses();
    const client = node.connect();
    client.cursor.subscribe(['m.>'], 'last');
    client.cursor.subscribe(['m.1.*'], node.id(3));
    expect(client.story).toEqual(['m.1.0=20', 'evicted(m.1.*)', ...events(16, 20)]);
  });
});

describe('A client that has to be told of a gap', () => {
  it('has no id by which it would never be told, until it is', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    subscribe(client, ['a'], 'now');
    client.room = 1;
    node.publish('a', 1);
    await node.delivered();
    node.replaceLog();
    expect(client.cursor.position).toBeUndefined();
    client.drain();
    expect(client.story).toEqual(['a=1', 'epoch(a)']);
    expect(client.cursor.position).toBe(node.id(0));
  });

  it('is given an id of no log with its topics: cut off before the notice, it comes back with that, and is told', () => {
    const node = new MemoryNode();
    const client = node.connect();
    subscribe(client, ['a'], 'elsewhere-7');
    expect(client.notedStory).toEqual(['begin a(none-0)', 'epoch(a)', `live a(${node.id(0)})`]);
    const again = node.connect();
    again.cursor.subscribe(['a'], 'none-0');
    expect(again.story).toEqual(['epoch(a)']);
  });
});
