import { MemoryNode, type RecordingClient } from '../testing/memory-node.js';

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
    expect(client.cursor.position).toBe(node.id(4));
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

  it('wait no longer when they are taken back', () => {
    const node = new MemoryNode();
    const client = node.connect();
    node.publish('a', 1, 2);
    client.room = 1;
    client.cursor.subscribe(['a'], node.id(0));
    subscribe(client, ['b'], 'nonsense');
    client.cursor.unsubscribe(['b', 'a']);
    expect(client.cursor.topics).toEqual([]);
    client.drain();
    expect(client.gaps).toEqual([]);
    expect(client.notes.map(([, text]) => text.slice(0, 6))).toEqual(['begin ', 'live b']);
    expect(node.hub.stats()).toMatchObject({ audiences: 0, behind: 0 });
    expect(client.cursor.position).toBe(node.id(2));
  });
});
