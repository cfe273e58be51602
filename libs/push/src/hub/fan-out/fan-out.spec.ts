import { setImmediate as turn } from 'node:timers/promises';
import { Encodings } from '../../contracts/encodings.js';
import type { LogEvent } from '../../contracts/event.js';
import { MemoryNode } from '../../../test/models/memory-node.js';
import { chunkedSseCodec, sseCodec } from '../../wire/sse.codec.js';

describe('Fan-out', () => {
  it('writes what is published in one turn once to each connection, at the end of the turn', async () => {
    const node = new MemoryNode();
    const clients = Array.from({ length: 5 }, () => node.connect());
    for (const client of clients) client.cursor.subscribe(['a', 'b'], 'now');
    node.publish('a', 1, 2);
    node.publish('b', 3);
    node.publish('c', 4);
    expect(clients.map((client) => client.writes.length)).toEqual([0, 0, 0, 0, 0]);
    await node.delivered();
    expect(clients.map((client) => client.story)).toEqual(clients.map(() => ['a=1', 'a=2', 'b=3']));
    expect(clients.map((client) => client.writes.length)).toEqual([1, 1, 1, 1, 1]);
    node.publish('a', 5);
    await node.delivered();
    expect(clients.map((client) => client.writes.length)).toEqual([2, 2, 2, 2, 2]);
  });

  it('writes the same bytes to everyone who wants the same events, whatever else they want', async () => {
    const node = new MemoryNode();
    const clients = Array.from({ length: 4 }, () => node.connect());
    const sets = [['news'], ['news', 'user.1'], ['news', 'user.2'], ['>']];
    clients.forEach((client, index) => client.cursor.subscribe(sets[index]!, 'now'));
    node.publish('news', 1);
    node.publish('user.2', 2);
    node.publish('news', 3);
    await node.delivered();
    const [one, two, three, four] = clients.map((client) => client.batches[0]!);
    expect(one).toBe(two);
    expect(three).toBe(four);
    expect(one!.bytes(sseCodec)).toBe(two!.bytes(sseCodec));
    expect(clients[0]!.story).toEqual(['news=1', 'news=3']);
    expect(clients[2]!.story).toEqual(['news=1', 'user.2=2', 'news=3']);
  });

  it('writes each event once, in order, whether its topic has one subscriber or several, before and after', async () => {
    const node = new MemoryNode();
    const [one, two, all] = [node.connect(), node.connect(), node.connect()];
    one.cursor.subscribe(['a', 'b', '*.c', 'b.c'], 'now');
    for (const [data, topic] of ['a', 'b.c', 'b', 'a'].entries()) node.publish(topic, data);
    await node.delivered();
    two.cursor.subscribe(['b'], 'now');
    all.cursor.subscribe(['>'], 'now');
    for (const [data, topic] of ['b', 'a', 'b.c', 'b'].entries()) node.publish(topic, data);
    await node.delivered();
    two.cursor.leave();
    for (const [data, topic] of ['b', 'a'].entries()) node.publish(topic, data);
    await node.delivered();
    const first = ['a=0', 'b.c=1', 'b=2', 'a=3'];
    const second = ['b=0', 'a=1', 'b.c=2', 'b=3'];
    const third = ['b=0', 'a=1'];
    expect(one.story).toEqual([...first, ...second, ...third]);
    expect(two.story).toEqual(['b=0', 'b=3']);
    expect(all.story).toEqual([...second, ...third]);
    expect([one, two, all].map(({ writes }) => writes.length)).toEqual([3, 1, 2]);
    expect(one.batches[1]).toBe(all.batches[0]);
  });

  it('shares the bytes with everyone but the connection that an event excepts', async () => {
    const node = new MemoryNode();
    const clients = Array.from({ length: 4 }, () => node.connect());
    for (const client of clients) client.cursor.subscribe(['a'], 'now');
    node.publish('a', 1);
    node.publishExcept(clients[0]!.id, 'a', 2);
    await node.delivered();
    expect(clients[0]!.story).toEqual(['a=1']);
    expect(new Set(clients.slice(1).map((client) => client.batches[0])).size).toBe(1);
  });

  // An empty write is not nothing: as a chunk of HTTP/1.1 it ends the body.
  it('never writes nothing', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a.b', 'a.*', '>'], 'now');
    node.publish('a.b', 1);
    await node.delivered();
    node.publishExcept(client.id, 'a.b', 2);
    await node.delivered();
    expect(client.batches.map((batch) => batch.bytes(chunkedSseCodec).length > 5)).toEqual([true]);
  });

  it('delivers a burst in order, and lets others run in between', async () => {
    const node = new MemoryNode({ retention: { events: 1_000_000, age: Infinity } });
    const clients = Array.from({ length: 20 }, () => node.connect());
    for (const client of clients) client.cursor.subscribe(['a', 'b.*'], 'now');
    // Writing takes its time.
    for (const client of clients) {
      const write = client.write.bind(client);
      client.write = (batch) => {
        const until = performance.now() + 1;
        while (performance.now() < until);
        return write(batch);
      };
    }
    for (let data = 1; data <= 100_000; data++) node.publish(data % 3 ? 'a' : 'b.1', data);
    let turns = 0;
    while (node.log.fanOut.delivered < node.log.window.head) {
      await turn();
      turns++;
    }
    expect(turns).toBeGreaterThan(10);
    for (const client of clients) {
      const sequences = client.batches.flatMap(({ events }) => events.map(({ sequence }) => sequence));
      expect(sequences).toHaveLength(100_000);
      expect(sequences.every((sequence, index) => sequence === index + 1)).toBe(true);
      expect(client.writes.length).toBeLessThan(40);
    }
  }, 20_000);

  it('lets others run in between also when everyone wants something else', async () => {
    const node = new MemoryNode();
    const clients = Array.from({ length: 300 }, () => node.connect());
    clients.forEach((client, index) => {
      client.cursor.subscribe(['a', `b.${index}`], 'now');
      const write = client.write.bind(client);
      client.write = (batch) => {
        const until = performance.now() + 0.5;
        while (performance.now() < until);
        return write(batch);
      };
    });
    node.publish('a', 1);
    let turns = 0;
    while (node.log.fanOut.delivered < 1) {
      await turn();
      turns++;
    }
    expect(turns).toBeGreaterThan(2);
    expect(clients.every((client) => client.story.join() === 'a=1')).toBe(true);
  });

  it('makes publishers wait while too much is to be delivered', async () => {
    const node = new MemoryNode();
    expect(node.hub.congested()).toBeUndefined();
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    for (let data = 0; data < 70_000; data++) node.publish('a', data);
    const congested = node.hub.congested();
    expect(congested).toBeInstanceOf(Promise);
    await congested;
    expect(node.hub.congested()).toBeUndefined();
    node.hub.close();
    await turn();
  });

  it('lets publishers go when it is closed', async () => {
    const node = new MemoryNode();
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    for (let data = 0; data < 70_000; data++) node.publish('a', data);
    const congested = node.hub.congested();
    node.hub.close();
    await congested;
    await turn();
    expect(client.writes).toEqual([]);
  });

  describe('while a delivery is going on', () => {
    /** A node that is in the middle of delivering `a=1` and an ephemeral `a=2` to a hundred slow writers. */
    async function interrupted() {
      const node = new MemoryNode({ retention: { events: 1, age: Infinity } });
      const clients = Array.from({ length: 200 }, () => node.connect());
      for (const client of clients) {
        client.cursor.subscribe(['a'], 'now');
        const write = client.write.bind(client);
        client.write = (batch) => {
          const until = performance.now() + 0.5;
          while (performance.now() < until);
          return write(batch);
        };
      }
      node.publish('a', 1);
      node.pass('a', 2);
      await turn();
      const [first, last] = [clients[0]!, clients[199]!];
      expect([first.story, last.story]).toEqual([['a=1', 'a=2'], []]);
      return { node, clients, first, last };
    }

    it('who joins gets what comes, and only that', async () => {
      const { node } = await interrupted();
      const client = node.connect();
      client.cursor.subscribe(['a'], 'now');
      const resumed = node.connect();
      resumed.cursor.subscribe(['a'], node.id(0));
      node.publish('a', 3);
      await node.delivered();
      expect(client.story).toEqual(['a=3']);
      expect(resumed.story).toEqual(['a=1', 'a=3']);
    });

    it('who leaves gets nothing more', async () => {
      const { node, last } = await interrupted();
      last.cursor.leave();
      node.publish('a', 3);
      await node.delivered();
      expect(last.story).toEqual([]);
    });

    // The topic keeps one event: when 3 comes, 1 is no longer in the window, though nobody has been slow.
    it('who changes its topics misses nothing of what it was about to get', async () => {
      const { node, first, last } = await interrupted();
      node.publish('a', 3, 4);
      node.publish('b', 5);
      first.cursor.subscribe(['b'], 'now');
      last.cursor.subscribe(['b'], 'now');
      node.publish('b', 6);
      await node.delivered();
      expect(first.story).toEqual(['a=1', 'a=2', 'a=3', 'a=4', 'b=6']);
      expect(last.story).toEqual(['a=1', 'a=3', 'a=4', 'b=6']);
      expect(node.log.counts.gaps.size).toBe(0);
    });

    it('who drops topics gets what was published before', async () => {
      const { node, last } = await interrupted();
      node.publish('a', 3);
      last.cursor.unsubscribe(['a']);
      node.publish('a', 4);
      await node.delivered();
      expect(last.story).toEqual(['a=1', 'a=3']);
    });

    it('nobody gets an ephemeral event twice', async () => {
      const { node, clients, first } = await interrupted();
      first.room = 1;
      first.cursor.subscribe(['c'], node.id(0));
      first.cursor.unsubscribe(['c']);
      first.drain();
      await node.delivered();
      expect(clients.map((client) => client.story.filter((line) => line === 'a=2').length)).toEqual(
        Array(200).fill(1),
      );
    });

    it('a log that is replaced ends it, and the next delivery is whole', async () => {
      const { node, clients } = await interrupted();
      node.replaceLog();
      node.publish('a', 3);
      await node.delivered();
      for (const client of clients) expect(client.story.slice(-2)).toEqual(['epoch(a)', 'a=3']);
    });

    it('positions never go back', async () => {
      const { node, clients, first } = await interrupted();
      expect(first.cursor.position).toBe(node.id(1));
      for (const client of clients) client.cursor.leave();
      node.publish('b', 3, 4);
      const idle = node.connect();
      idle.cursor.subscribe(['c'], 'now');
      const before = idle.cursor.position;
      await node.delivered();
      expect([before, idle.cursor.position]).toEqual([node.id(3), node.id(3)]);
    });
  });

  it('costs nothing where nobody listens, and keeps no event for it', () => {
    const node = new MemoryNode();
    node.publish('a', 1, 2, 3);
    expect(node.log.fanOut.delivered).toBe(3);
    expect([...node.log.fanOut.undelivered()]).toEqual([]);
  });

  it('encodes an event once for everyone of a format, and not at all where nobody wants it', async () => {
    const node = new MemoryNode();
    const encoded: string[] = [];
    const codec = {
      ...sseCodec,
      form: new Encodings(),
      encode: (event: LogEvent) => {
        encoded.push(event.topic);
        return sseCodec.encode(event);
      },
      single: (event: LogEvent) => codec.encode(event),
    };
    for (const topics of [['a'], ['a'], ['a', 'b'], ['c.*']]) {
      const client = node.connect();
      client.cursor.subscribe(topics, 'now');
      const write = client.write.bind(client);
      client.write = (batch) => batch.bytes(codec).length > 0 && write(batch);
    }
    node.publish('nobody', 1, 2, 3);
    node.publish('a', 4);
    node.publish('c.1', 5);
    node.publish('c', 6);
    await node.delivered();
    expect(encoded.sort()).toEqual(['a', 'c.1']);
  });
});
