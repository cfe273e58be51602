import { setTimeout } from 'node:timers/promises';
import { MemoryNode } from '../../test/models/memory-node.js';

const few = { retention: { events: 3, age: Infinity } };

describe('A subscription', () => {
  it('starts now: with what comes, even if something else of this turn is still to be delivered', async () => {
    const node = new MemoryNode();
    const old = node.connect();
    old.cursor.subscribe(['a'], 'now');
    node.publish('a', 1);
    const client = node.connect();
    const starts: string[] = [];
    client.cursor.subscribe(['a'], 'now', (id) => starts.push(id));
    expect(starts).toEqual([node.id(1)]);
    node.publish('a', 2);
    await node.delivered();
    expect(old.story).toEqual(['a=1', 'a=2']);
    expect(client.story).toEqual(['a=2']);
  });

  it('starts at an id: with everything after it, at once', () => {
    const node = new MemoryNode();
    node.publish('a', 1, 2, 3);
    node.publish('b', 4);
    const client = node.connect();
    const starts: string[] = [];
    client.cursor.subscribe(['a', 'b'], node.id(1), (id) => starts.push(id));
    expect(starts).toEqual([node.id(1)]);
    expect(client.story).toEqual(['a=2', 'a=3', 'b=4']);
    expect(client.cursor.isLive).toBe(true);
  });

  it('starts earliest: with everything retained, and no word about what is gone', async () => {
    const node = new MemoryNode(few);
    node.publish('a', 1, 2, 3, 4, 5);
    const client = node.connect();
    client.cursor.subscribe(['a'], 'earliest');
    node.publish('a', 6);
    await node.delivered();
    expect(client.story).toEqual(['a=3', 'a=4', 'a=5', 'a=6']);
  });

  it('starts last: with the newest retained event of each topic, then live', async () => {
    const node = new MemoryNode(few);
    node.publish('a.1', 1, 2, 3, 4, 5);
    node.publish('a.2', 6, 7);
    node.publish('b', 8, 9);
    const client = node.connect();
    client.cursor.subscribe(['a.*', 'b', 'c'], 'last');
    node.publish('c', 10, 11);
    await node.delivered();
    expect(client.story).toEqual(['a.1=5', 'a.2=7', 'b=9', 'c=10', 'c=11']);
  });

  it('says where it starts before anything of it is delivered', () => {
    const node = new MemoryNode();
    node.publish('a', 1, 2);
    const client = node.connect();
    const before: number[] = [];
    client.cursor.subscribe(['a'], node.id(1), () => before.push(client.writes.length));
    expect(before).toEqual([0]);
    expect(client.story).toEqual(['a=2']);
  });

  it('gets what overlapping patterns match once', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a.*', 'a.>', 'a.1', '>'], 'now');
    node.publish('a.1', 1);
    await node.delivered();
    expect(client.story).toEqual(['a.1=1']);
    expect(client.writes).toHaveLength(1);
  });

  it('that is added from an older id brings what lies between, and repeats nothing that another one brought', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    node.publish('a.1', 1);
    node.publish('a.2', 2);
    client.cursor.subscribe(['a.1'], 'now');
    node.publish('a.1', 3);
    node.publish('a.2', 4);
    await node.delivered();
    client.cursor.subscribe(['a.*'], node.id(0));
    node.publish('a.2', 5);
    await node.delivered();
    expect(client.story).toEqual(['a.1=3', 'a.1=1', 'a.2=2', 'a.2=4', 'a.2=5']);
  });

  it('to a topic that it has, from an older id, brings only what it has not', () => {
    const node = new MemoryNode();
    node.publish('a', 1, 2, 3, 4);
    const client = node.connect();
    client.cursor.subscribe(['a'], node.id(2));
    client.cursor.subscribe(['a'], node.id(3));
    expect(client.story).toEqual(['a=3', 'a=4']);
    client.cursor.subscribe(['a'], node.id(1));
    expect(client.story).toEqual(['a=3', 'a=4', 'a=2']);
  });

  it('ends when it is taken back; the others go on', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a', 'b'], 'now');
    node.publish('a', 1);
    await node.delivered();
    client.cursor.unsubscribe(['a', 'c']);
    expect(client.cursor.topics).toEqual(['b']);
    node.publish('a', 2);
    node.publish('b', 3);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'b=3']);
  });

  it('may begin anew after all were taken back', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    node.publish('a', 1);
    await node.delivered();
    client.cursor.unsubscribe(['a']);
    node.publish('a', 2);
    await node.delivered();
    client.cursor.subscribe(['a'], 'now');
    node.publish('a', 3);
    await node.delivered();
    expect(client.story).toEqual(['a=1', 'a=3']);
  });

  it('is refused with an id before the log is known: nobody could tell whether the id is good', () => {
    const node = new MemoryNode();
    node.log.epoch = '';
    const client = node.connect();
    expect(() => client.cursor.subscribe(['a'], 'log-1')).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    expect(client.cursor.topics).toEqual([]);
  });
});

describe('A reader that resumes', () => {
  it.each([
    ['malformed', 'no id of ours', () => 'what?'],
    ['epoch', 'an id of another log', () => 'other-3'],
    ['future', 'an id ahead of the log', (node: MemoryNode) => node.id(1_000)],
  ])('is told "%s" for %s, once, then gets what is retained, then live', async (reason, _, id) => {
    const node = new MemoryNode(few);
    node.publish('a', 1, 2, 3, 4, 5);
    const client = node.connect();
    client.cursor.subscribe(['a', 'b'], id(node));
    node.publish('b', 6);
    await node.delivered();
    expect(client.story).toEqual([`${reason}(a b)`, 'a=3', 'a=4', 'a=5', 'b=6']);
    expect(client.gaps[0]!.id).toBe(node.id(2));
  });

  it('is told of the topics that lost something, and only of those', () => {
    const node = new MemoryNode(few);
    node.publish('quiet', 1);
    node.publish('b', 2, 3, 4, 5, 6);
    node.publish('c', 7, 8, 9, 10, 11);
    const client = node.connect();
    client.cursor.subscribe(['quiet', 'b', 'c', 'never'], node.id(1));
    expect(client.story).toEqual(['evicted(b c)', 'b=4', 'b=5', 'b=6', 'c=9', 'c=10', 'c=11']);
  });

  it('is told nothing if its topics were quiet, however old its id', () => {
    const node = new MemoryNode(few);
    node.publish('quiet', 1);
    for (let data = 0; data < 1_000; data++) node.publish('chatty', data);
    const client = node.connect();
    client.cursor.subscribe(['quiet', 'never', 'quiet.*'], node.id(1));
    expect(client.story).toEqual([]);
  });

  it('from the id of a gap notice is not told again', () => {
    const node = new MemoryNode(few);
    node.publish('a', 1, 2, 3, 4, 5, 6);
    for (const id of [node.id(1), 'what?', 'other-3', node.id(1_000)]) {
      const told = node.connect();
      told.room = 1;
      told.cursor.subscribe(['a'], id);
      expect(told.story).toHaveLength(1);
      told.cursor.leave();
      const again = node.connect();
      again.cursor.subscribe(['a'], told.gaps[0]!.id);
      expect(again.story).toEqual(['a=4', 'a=5', 'a=6']);
    }
  });

  it('from the id of a gap notice misses nothing of its other topics', () => {
    const node = new MemoryNode(few);
    node.publish('b', 1, 2);
    node.publish('a', 3, 4, 5, 6);
    const told = node.connect();
    told.room = 1;
    told.cursor.subscribe(['a', 'b'], node.id(1));
    expect(told.story).toEqual(['evicted(a)']);
    const again = node.connect();
    again.cursor.subscribe(['a', 'b'], told.gaps[0]!.id);
    expect(again.story).toEqual(['evicted(a)', 'b=2', 'a=4', 'a=5', 'a=6']);
  });

  // A topic that is looked at through a wildcard and through its own name lost nothing that the connection has not had.
  it('is not told that something is gone which a wider subscription has brought', async () => {
    const node = new MemoryNode(few);
    const client = node.connect();
    client.cursor.subscribe(['a.*'], 'now');
    for (let data = 1; data <= 6; data++) {
      node.publish('a.1', data);
      await node.delivered();
    }
    client.cursor.subscribe(['a.1'], node.id(1));
    expect(client.story).toEqual(['a.1=1', 'a.1=2', 'a.1=3', 'a.1=4', 'a.1=5', 'a.1=6']);
  });
});

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
