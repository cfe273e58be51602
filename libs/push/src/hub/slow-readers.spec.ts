import { MemoryNode } from '../../test/models/memory-node.js';

const few = { events: 3, age: Infinity };

describe('A reader whose socket is full', () => {
  it('is left alone, then catches up from the window, while others go on', async () => {
    const node = new MemoryNode();
    const [slow, fast] = [node.connect(), node.connect()];
    for (const client of [slow, fast]) client.cursor.subscribe(['a', 'b'], 'now');
    slow.room = 1;
    for (let data = 1; data <= 5; data++) {
      node.publish('a', data);
      node.publish('c', data);
      await node.delivered();
    }
    expect(slow.story).toEqual(['a=1']);
    expect(slow.cursor.isLive).toBe(false);
    expect(slow.cursor.position).toBe(node.id(1));
    slow.drain();
    expect(slow.cursor.isLive).toBe(true);
    node.publish('b', 6);
    await node.delivered();
    expect(slow.story).toEqual(['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'b=6']);
    expect(fast.story).toEqual(slow.story);
    expect(fast.writes).toHaveLength(6);
  });

  it('takes a long way in pages, as it has room', async () => {
    const node = new MemoryNode({ retention: { events: 10_000, age: Infinity } });
    for (let data = 1; data <= 10_000; data++) node.publish(`a.${data % 7}`, 1_000_000_000_000 + data);
    const client = node.connect();
    client.room = 1;
    client.cursor.subscribe(['a.*'], node.id(0));
    let drains = 0;
    for (; !client.cursor.isLive; drains++) {
      client.drain(1);
      await node.delivered();
    }
    expect(drains).toBeGreaterThan(1);
    const data = client.batches.flatMap(({ events }) =>
      events.map((event) => Number(event.data) - 1_000_000_000_000),
    );
    expect(data).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
  });

  it('does not miss the events of the turn in which it has room again', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    client.room = 1;
    node.publish('a', 1);
    await node.delivered();
    node.publish('a', 2);
    client.drain();
    node.publish('a', 3);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'a=2', 'a=3']);
  });

  it('that was passed by the window is told once, of the topics that lost something, and goes on', async () => {
    const node = new MemoryNode({ retention: few });
    const client = node.connect();
    client.cursor.subscribe(['a', 'b', 'c'], 'now');
    client.room = 1;
    node.publish('a', 0);
    await node.delivered();
    node.publish('b', 1);
    node.publish('a', 2, 3, 4, 5, 6);
    client.drain();
    node.publish('a', 7);
    await node.delivered();
    expect(client.story).toEqual(['a=0', 'slow(a)', 'b=1', 'a=4', 'a=5', 'a=6', 'a=7']);
    expect(node.hub.stats().gaps).toBe(1);
  });

  it('that is passed again is told again', async () => {
    const node = new MemoryNode({ retention: few });
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    for (let round = 1; round <= 3; round++) {
      client.room = 1;
      node.publish('a', round);
      await node.delivered();
      node.publish('a', 10, 20, 30, 40);
      client.drain();
    }
    expect(client.gaps.map(({ reason }) => reason)).toEqual(['slow', 'slow', 'slow']);
  });

  it('that is passed while the notice waits is told of the rest', () => {
    const node = new MemoryNode({ retention: few });
    const client = node.connect();
    node.publish('a', 1, 2, 3, 4, 5);
    client.room = 1;
    client.cursor.subscribe(['a'], node.id(1));
    node.publish('a', 6);
    client.drain();
    expect(client.story).toEqual(['evicted(a)', 'evicted(a)', 'a=4', 'a=5', 'a=6']);
  });

  it('is disconnected where the topic says so, and only then', async () => {
    const rules = [{ pattern: 'strict.*', slow: 'disconnect' as const }];
    const node = new MemoryNode({ retention: few, rules });
    const [strict, other, late] = [node.connect(), node.connect(), node.connect()];
    strict.cursor.subscribe(['strict.1', 'a'], 'now');
    other.cursor.subscribe(['strict.1', 'a'], 'now');
    strict.room = other.room = 1;
    node.publish('a', 0);
    await node.delivered();
    node.publish('strict.1', 1, 2, 3);
    node.publish('a', 4, 5, 6, 7);
    other.drain();
    expect(other.story.slice(0, 2)).toEqual(['a=0', 'slow(a)']);
    expect(other.error).toBeUndefined();
    node.publish('strict.1', 8);
    strict.drain();
    expect(strict.story).toEqual(['a=0']);
    expect(strict.error).toMatchObject({ code: 'TOO_SLOW', message: expect.stringContaining('strict.1') });
    expect(node.hub.stats().connections).toBe(2);
    // It was not slow: it was not there.
    late.cursor.subscribe(['strict.*'], node.id(1));
    expect(late.story).toEqual(['evicted(strict.*)', 'strict.1=2', 'strict.1=3', 'strict.1=8']);
    expect(late.error).toBeUndefined();
  });

  it('gets the newest event of each topic where the topic says so, then everything again', async () => {
    const rules = [{ pattern: 'state.*', slow: 'latest' as const }];
    const node = new MemoryNode({ retention: few, rules });
    const client = node.connect();
    client.cursor.subscribe(['state.*', 'log'], 'now');
    client.room = 1;
    node.publish('log', 0);
    await node.delivered();
    node.publish('state.1', 1, 2, 3, 4);
    node.publish('state.2', 5, 6);
    node.publish('log', 7, 8);
    client.drain();
    node.publish('state.1', 9, 10);
    await node.delivered();
    expect(client.story).toEqual([
      'log=0',
      'slow(state.*)',
      'state.1=4',
      'state.2=6',
      'log=7',
      'log=8',
      'state.1=9',
      'state.1=10',
    ]);
  });

  it('that asked for the last of each topic is not told that older ones went while it waited', async () => {
    const node = new MemoryNode({ retention: { events: 1, age: Infinity } });
    const client = node.connect();
    for (let data = 0; data < 20_000; data++) node.publish(`a.${data}`, data);
    client.room = 1;
    client.cursor.subscribe(['a.*'], 'last');
    expect(client.cursor.isLive).toBe(false);
    node.publish('a.19999', 20_000);
    client.drain();
    while (!client.cursor.isLive) await node.delivered();
    const data = client.story.map((line) => Number(line.split('=')[1]));
    expect(data).toEqual([...Array.from({ length: 19_999 }, (_, index) => index), 20_000]);
    expect(client.gaps).toEqual([]);
  });

  it('may ask for more only up to a number', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    node.publish('a', 1, 2, 3);
    client.room = 1;
    client.cursor.subscribe(['a'], node.id(0));
    const ask = () => client.cursor.subscribe(['a', 'b'], 'what?');
    for (let time = 0; time < 499; time++) ask();
    expect(ask).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    expect(client.cursor.topics).toEqual(['a', 'b']);
    client.drain();
    while (!client.cursor.isLive) await node.delivered();
    expect(ask).not.toThrow();
  });

  it('may take topics back and add others while it waits', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a', 'b'], 'now');
    client.room = 1;
    node.publish('a', 1);
    await node.delivered();
    node.publish('a', 2);
    node.publish('b', 3);
    node.publish('c', 4);
    client.cursor.unsubscribe(['a']);
    client.cursor.subscribe(['c'], node.id(0));
    node.publish('c', 5);
    node.publish('a', 6);
    client.drain();
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'b=3', 'c=4', 'c=5']);
  });
});

it('a client that does not read has so many subscriptions waiting, those that it took back included', async () => {
  const node = new MemoryNode();
  const client = node.connect();
  client.room = 1;
  client.cursor.subscribe(['a', 'z'], node.id(0));
  node.publish('a', 1);
  await node.delivered();
  client.cursor.subscribe(['c'], 'earliest');
  const flood = () => {
    for (let count = 0; count < 2_000; count++) {
      client.cursor.subscribe(['b'], 'earliest');
      client.cursor.unsubscribe(['b']);
    }
  };
  expect(flood).toThrow('More than 1000 topics wait to be added');
});
