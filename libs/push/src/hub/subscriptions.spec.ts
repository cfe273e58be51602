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

  it('may begin again after all were taken back', async () => {
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
