import { setTimeout } from 'node:timers/promises';
import { MemoryNode } from '../../test/models/memory-node.js';

const few = { retention: { events: 3, age: Infinity } };

describe('A connection', () => {
  it('has an id that moves with the log, also when its topics are quiet', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['quiet'], 'now');
    node.publish('a', 1, 2);
    await node.delivered();
    expect(client.cursor.position).toBe(node.id(2));
  });

  it('does not get events that except it', async () => {
    const node = new MemoryNode();
    const [one, two] = [node.connect(), node.connect()];
    one.cursor.subscribe(['a'], 'now');
    two.cursor.subscribe(['a'], 'now');
    node.publish('a', 1);
    node.publishExcept(one.id, 'a', 2);
    node.publish('a', 3);
    node.publishExcept('somebody', 'a', 4);
    await node.delivered();
    expect(one.story).toEqual(['a=1', 'a=3', 'a=4']);
    expect(two.story).toEqual(['a=1', 'a=2', 'a=3', 'a=4']);
    const later = node.connect();
    later.cursor.subscribe(['a'], 'earliest');
    expect(later.story).toEqual(two.story);
  });

  it('gets ephemeral events once, without id, and never later', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a', 'a.>', '>'], 'now');
    node.publish('a', 1);
    node.pass('a', 2);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'a=2']);
    expect(client.batches[0]!.events[1]!.id).toBeUndefined();
    client.cursor.subscribe(['b'], node.id(0));
    const later = node.connect();
    later.cursor.subscribe(['a'], 'earliest');
    expect(later.story).toEqual(['a=1']);
    expect(client.story).toEqual(['a=1', 'a=2']);
  });

  it('is told once that the log was replaced, with all its topics, and goes on in the new one', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    const idle = node.connect();
    client.cursor.subscribe(['a', 'b.*'], 'now');
    node.publish('a', 1);
    await node.delivered();
    node.replaceLog();
    node.publish('a', 2);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'epoch(a b.*)', 'a=2']);
    expect(client.gaps[0]!.id).toBe(node.id(0));
    expect(idle.story).toEqual([]);
  });

  it('that is full when the log is replaced, twice, is told once', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.room = 1;
    client.cursor.subscribe(['a'], 'now');
    node.publish('a', 1);
    await node.delivered();
    node.publish('a', 2);
    node.replaceLog();
    node.publish('a', 3);
    node.replaceLog();
    node.publish('a', 4);
    await node.delivered();
    client.drain();
    expect(client.story).toEqual(['a=1', 'epoch(a)', 'a=4']);
  });

  it('is not told of a replaced log by topics that it no longer has', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.room = 1;
    client.cursor.subscribe(['a'], 'now');
    node.publish('a', 1);
    await node.delivered();
    node.replaceLog();
    client.cursor.unsubscribe(['a']);
    client.drain();
    client.cursor.subscribe(['b'], 'now');
    node.publish('b', 2);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'b=2']);
  });

  it('is told nothing about a bad id whose topics it has taken back', () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.room = 0;
    client.cursor.subscribe(['z'], 'now');
    node.publish('a', 1);
    client.cursor.subscribe(['z', 'y'], node.id(0));
    client.room = 1;
    client.cursor.subscribe(['a'], 'what?');
    client.cursor.unsubscribe(['a']);
    client.drain();
    expect(client.gaps.filter((gap) => gap.topics.length === 0)).toEqual([]);
  });

  it('is told when the node had to skip a part of the log', async () => {
    const node = new MemoryNode({ rules: [{ pattern: 'a', slow: 'disconnect' }] });
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    node.publish('a', 1, 2);
    node.hub.skip(10);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'a=2', 'evicted(a)']);
    expect(client.error).toBeUndefined();
    expect(client.cursor.position).toBe(node.id(10));
  });
});

describe('The hub', () => {
  it('holds nothing of connections that are gone, also in the middle of a replay', async () => {
    const node = new MemoryNode();
    const clients = Array.from({ length: 30 }, () => node.connect());
    for (let data = 0; data < 3_000; data++) node.publish(`a.${data % 50}`, data);
    clients.forEach((client, index) => {
      client.room = index % 3;
      client.cursor.subscribe(['a.*', `b.${index}`], index % 2 ? 'earliest' : 'now');
      client.cursor.subscribe(['a.1'], 'what?');
    });
    node.publish('a.1', 1);
    await node.delivered();
    expect(node.hub.stats()).toMatchObject({ connections: 30, subscriptions: 90, lagging: 30 });
    for (const client of clients) {
      client.cursor.leave();
      client.cursor.leave();
      client.cursor.drained();
      client.cursor.unsubscribe(['a.*']);
      client.cursor.subscribe(['a.1'], 'earliest');
    }
    expect(node.hub.stats()).toMatchObject({ connections: 0, subscriptions: 0, audiences: 0, lagging: 0 });
    const before = clients.map((client) => client.writes.length);
    node.publish('a.1', 2);
    await node.delivered();
    expect(clients.map((client) => client.writes.length)).toEqual(before);
  });

  it('drops what is too old soon, however long other topics are kept', async () => {
    const rules = [{ pattern: 'brief', retention: { age: 10 } }];
    const node = new MemoryNode({ rules, retention: { events: 100, age: 3_600_000 } });
    node.publish('long', 1);
    node.publish('brief', 2, 3);
    // The test's own time limit is far from an hour.
    while (node.hub.stats().window.events > 1) await setTimeout(20);
    const client = node.connect();
    client.cursor.subscribe(['long', 'brief'], node.id(0));
    expect(client.story).toEqual(['evicted(brief)', 'long=1']);
    node.hub.close();
  });

  it('counts connections, subscriptions, audiences, connections that lag, and gaps', async () => {
    const node = new MemoryNode(few);
    node.publish('a', 1, 2, 3, 4, 5);
    const [one, two, three] = [node.connect(), node.connect(), node.connect()];
    one.cursor.subscribe(['a', 'b'], 'now');
    two.cursor.subscribe(['b', 'a'], 'now');
    three.room = 1;
    three.cursor.subscribe(['a'], node.id(1));
    expect(node.hub.stats()).toMatchObject({
      connections: 3,
      subscriptions: 5,
      audiences: 1,
      lagging: 1,
      gaps: 1,
      window: { events: 3, topics: 1 },
      positions: { head: node.id(5), slowest: three.cursor.position },
    });
    expect(three.cursor.position).not.toBe(node.id(5));
  });
});
