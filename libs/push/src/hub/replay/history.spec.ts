import { setImmediate as turn } from 'node:timers/promises';
import { append, numbers, restarted } from '../../../test/models/late-node.js';

describe('A node that starts over a log with a past', () => {
  it('gives a client that resumes exactly what it missed, then what is live', async () => {
    const node = restarted((log) => {
      append(log, 'a', [1, 2, 3]);
      append(log, 'b', [4, 5]);
    });
    const client = node.connect();
    client.cursor.subscribe(['a', 'b'], node.id(2));
    node.publish('b', 6);
    await node.live();
    node.publish('a', 7);
    await node.live();
    expect(client.story).toEqual(['a=3', 'b=4', 'b=5', 'b=6', 'a=7']);
  });

  it('has nothing of what a removal has taken away since it started, though the backplane still has it', async () => {
    const finite = { rules: [{ pattern: 'run', finite: true }] };
    const node = restarted((log) => {
      append(log, 'run', [1, 2]);
      append(log, 'a', [3]);
    }, finite);
    // It reads what is kept into its cache, as another client's page.
    const early = node.connect();
    early.cursor.subscribe(['run', 'a'], node.id(0));
    await node.live();
    node.log.append({ topic: 'run', data: 'null', meta: { removed: true } });
    node.publish('run', 4);
    const client = node.connect();
    client.cursor.subscribe(['run', 'a'], node.id(0));
    await node.live();
    expect(early.story).toEqual(['run=1', 'run=2', 'a=3', 'run=null', 'run=4']);
    expect(client.story).toEqual(['a=3', 'run=null', 'run=4']);
    expect((await node.hub.older({ topic: 'run', limit: 10 })).events.map(({ data }) => data)).toEqual(['4']);
  });

  it('reads for a subscription that goes further back than another one on the same topic, while that is read', async () => {
    const node = restarted((log) => append(log, 'a', numbers(5)));
    const client = node.connect();
    client.cursor.subscribe(['a'], node.id(3));
    client.cursor.unsubscribe(['a']);
    client.cursor.subscribe(['a'], node.id(3));
    client.cursor.subscribe(['a'], node.id(1), undefined, { repeat: true });
    await node.live();
    expect(client.story).toEqual(['a=4', 'a=5', 'a=2', 'a=3', 'a=4', 'a=5']);
    node.log.append({ topic: 'a', data: '6' }, false);
    node.hub.skip(6);
    client.cursor.subscribe(['a'], node.id(0), undefined, { repeat: true });
    await node.live();
    expect(client.story.slice(6)).toEqual([...numbers(5).map((n) => `a=${n}`), 'a=6']);
  });

  it('tells once what the history has lost as well, before anything newer', async () => {
    const node = restarted((log) => append(log, 'a', numbers(6)), {
      retention: { events: 3, age: Infinity },
    });
    node.log.append({ topic: 'b', data: '7' });
    const client = node.connect();
    client.cursor.subscribe(['a', 'b'], node.id(1));
    await node.live();
    expect(client.story).toEqual(['evicted(a)', 'a=4', 'a=5', 'a=6', 'b=7']);
    expect(client.gaps[0]!.id).toBe(node.id(3));
    expect(node.hub.stats().gaps).toBe(1);
    const again = node.connect();
    again.cursor.subscribe(['a', 'b'], client.gaps[0]!.id);
    await node.live();
    expect(again.story).toEqual(['a=4', 'a=5', 'a=6', 'b=7']);
  });

  it('says nothing of what topics lost that the client did not ask for', async () => {
    const node = restarted(
      (log) => {
        append(log, 'chatty', numbers(100));
        append(log, 'quiet', [101]);
      },
      { retention: { events: 3, age: Infinity } },
    );
    const client = node.connect();
    client.cursor.subscribe(['quiet'], node.id(0));
    await node.live();
    expect(client.story).toEqual(['quiet=101']);
  });

  it('does not give the event to the connection that it excepts, nor twice what two topics of it match', async () => {
    const node = restarted((log) => append(log, 'a.1', [1]));
    const client = node.connect();
    node.log.append({ topic: 'a.1', data: '2', except: client.id });
    node.hub.skip(2);
    client.cursor.subscribe(['a.*'], node.id(0));
    client.cursor.subscribe(['a.1'], node.id(0));
    await node.live();
    expect(client.story).toEqual(['a.1=1']);
  });

  it.each([
    ['malformed', () => 'what?'],
    ['epoch', () => 'other-3'],
  ])('tells "%s" once, then what the history has', async (reason, id) => {
    const node = restarted((log) => append(log, 'a', numbers(5)), {
      retention: { events: 2, age: Infinity },
    });
    const client = node.connect();
    client.cursor.subscribe(['a'], id());
    await node.live();
    expect(client.story).toEqual([`${reason}(a)`, 'a=4', 'a=5']);
    expect(client.gaps[0]!.id).toBe(node.id(3));
  });

  it('reads pages as the socket takes them', async () => {
    const node = restarted((log) => append(log, 'a', numbers(900)));
    node.publish('a', 901);
    const client = node.connect();
    client.room = 1;
    client.cursor.subscribe(['a'], node.id(0));
    await node.until(() => client.writes.length === 1);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(node.history.queries).toHaveLength(1);
    let drains = 0;
    for (; !client.cursor.isLive; drains++) {
      const { length } = client.writes;
      client.drain(1);
      await node.until(() => client.writes.length > length || client.cursor.isLive);
    }
    expect(drains).toBeGreaterThan(3);
    expect(client.story).toEqual(numbers(901).map((n) => `a=${n}`));
    expect(client.gaps).toEqual([]);
  });

  it('gives live readers what the node was not told of, in order', async () => {
    const node = restarted((log) => append(log, 'a', [1]));
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    node.publish('a', 2);
    node.log.append({ topic: 'a', data: '3' }, false);
    node.log.append({ topic: 'a', data: '4' }, false);
    node.hub.skip(4);
    node.publish('a', 5);
    await node.live();
    expect(client.story).toEqual(['a=2', 'a=3', 'a=4', 'a=5']);
  });

  it('gives slow readers what memory did not suffice for', async () => {
    const node = restarted(() => undefined, { windowBytes: 15_000 });
    const client = node.connect();
    client.cursor.subscribe(['a'], 'now');
    client.room = 1;
    node.publish('a', 0);
    await node.until(() => client.writes.length === 1);
    node.publish('a', ...numbers(300));
    expect(node.nodeLog.window.events).toBeLessThan(100);
    client.drain();
    await node.live();
    expect(client.story).toEqual(numbers(301, 0).map((n) => `a=${n}`));
  });

  it('drops what is being read when another log takes its place', async () => {
    const node = restarted((log) => append(log, 'a', [1, 2]));
    const client = node.connect();
    let answer = () => {};
    node.history.held = new Promise((resolve) => (answer = resolve));
    client.cursor.subscribe(['a'], node.id(0));
    node.hub.open({ epoch: 'other', sequence: 0 });
    answer();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(client.story).toEqual(['epoch(a)']);
    expect(node.errors).toEqual([]);
    expect(node.hub.stats().history).toEqual({ pages: 0, reading: 0, waiting: 0, bytes: 0 });
  });

  it('may be left while it reads', async () => {
    const node = restarted((log) => append(log, 'a', [1, 2]));
    const client = node.connect();
    client.cursor.subscribe(['a'], node.id(0));
    client.cursor.leave();
    await node.until(() => node.hub.stats().history.pages === 1);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(client.writes).toEqual([]);
  });

  it('keeps its clients while the history fails, and says so once', async () => {
    const node = restarted((log) => append(log, 'a', [1, 2]));
    node.history.failures = 3;
    const client = node.connect();
    client.cursor.subscribe(['a'], node.id(0));
    await node.live();
    expect(client.story).toEqual(['a=1', 'a=2']);
    expect(client.error).toBeUndefined();
    expect(node.errors).toEqual([new Error('The server is away.')]);
    expect(node.history.queries).toHaveLength(4);
  });

  it('holds subscriptions back until the log is known', async () => {
    const node = restarted((log) => append(log, 'a', [1, 2]));
    const { hub, nodeLog } = node;
    const { epoch } = nodeLog;
    nodeLog.epoch = '';
    const [now, earliest] = [node.connect(), node.connect()];
    now.cursor.subscribe(['a'], 'now', (id) => now.notes.push([0, id]));
    earliest.cursor.subscribe(['a'], 'earliest');
    node.log.append({ topic: 'a', data: '3' }, false);
    hub.open({ epoch, sequence: 3 });
    node.publish('a', 4);
    await node.live();
    expect(now.notedStory).toEqual([node.id(3), 'a=4']);
    expect(earliest.story).toEqual(['a=1', 'a=2', 'a=3', 'a=4']);
  });
});
