import { append, numbers, restarted } from '../../../test/models/late-node.js';

describe('A node that starts over a log with a past', () => {
  it('starts "earliest" with everything that the history has, and no word about what is gone', async () => {
    const node = restarted((log) => append(log, 'a', numbers(5)), {
      retention: { events: 3, age: Infinity },
    });
    const client = node.connect();
    client.cursor.subscribe(['a'], 'earliest');
    node.publish('a', 6);
    await node.live();
    expect(client.story).toEqual(['a=4', 'a=5', 'a=6']);
  });

  it('starts "last" with the newest event of each topic, wherever it is', async () => {
    const node = restarted((log) => {
      append(log, 'a.1', [1, 2]);
      append(log, 'a.2', [3, 4]);
      append(log, 'a.3', [5]);
    });
    node.publish('a.2', 6, 7);
    const [client, other] = [node.connect(), node.connect()];
    client.cursor.subscribe(['a.*'], 'last');
    other.cursor.subscribe(['a.2'], 'last');
    expect(other.story).toEqual(['a.2=7']);
    node.publish('a.1', 8);
    await node.live();
    expect(client.story).toEqual(['a.3=5', 'a.2=7', 'a.1=8']);
    expect(node.history.queries).toHaveLength(1);
    expect(client.gaps).toEqual([]);
  });

  it('starts "last:3" with the newest three events of each topic, wherever they are, in log order', async () => {
    const node = restarted((log) => {
      append(log, 'a.1', [1, 2, 3, 4]);
      append(log, 'a.2', [5, 6]);
      append(log, 'a.3', [7, 8, 9, 10]);
    });
    node.publish('a.2', 11, 12);
    node.publish('a.1', 13);
    const [client, other] = [node.connect(), node.connect()];
    client.cursor.subscribe(['a.*'], 'last:3');
    other.cursor.subscribe(['a.2'], 'last:2');
    expect(other.story).toEqual(['a.2=11', 'a.2=12']);
    node.publish('a.1', 14);
    await node.live();
    expect(client.story).toEqual([
      'a.1=3',
      'a.1=4',
      'a.2=6',
      'a.3=8',
      'a.3=9',
      'a.3=10',
      'a.2=11',
      'a.2=12',
      'a.1=13',
      'a.1=14',
    ]);
    expect(node.history.queries).toHaveLength(1);
    expect([client.gaps, other.gaps]).toEqual([[], []]);
  });

  it('gives who is cut within "last:4" the rest, from its last id', async () => {
    const node = restarted((log) => {
      append(log, 'a.1', [1, 2, 3, 4, 5]);
      append(log, 'a.2', [6]);
    });
    node.history.page = (query) => node.log.history.page({ ...query, limit: 2 });
    const client = node.connect();
    client.room = 1;
    client.cursor.subscribe(['a.*'], 'last:4');
    await node.until(() => client.story.length > 0);
    client.cursor.leave();
    expect(client.story).toEqual(['a.1=2', 'a.1=3']);
    const [again, whole] = [node.connect(), node.connect()];
    again.cursor.subscribe(['a.*'], client.lastId!);
    whole.cursor.subscribe(['a.*'], 'last:4');
    await node.live();
    expect([...client.story, ...again.story]).toEqual(whole.story);
    expect(whole.story).toEqual(['a.1=2', 'a.1=3', 'a.1=4', 'a.1=5', 'a.2=6']);
    expect(again.gaps).toEqual([]);
  });

  it('asks once for all that ask for the same newest events', async () => {
    const node = restarted((log) => append(log, 'room', numbers(200)));
    const clients = Array.from({ length: 20 }, () => node.connect());
    for (const client of clients) client.cursor.subscribe(['room'], 'last:50');
    node.publish('other', 1, 2, 3);
    const late = node.connect();
    late.cursor.subscribe(['room'], 'last:50');
    await node.live();
    for (const client of [...clients, late])
      expect(client.story).toEqual(
        numbers(200)
          .slice(-50)
          .map((each) => `room=${each}`),
      );
    expect(node.history.queries).toHaveLength(1);
  });

  it('tells who starts with "last:3" that not all of it could be found', async () => {
    const node = restarted((log) => append(log, 'a.1', [1, 2, 3, 4]));
    const client = node.connect();
    node.history.page = async (query) => {
      const page = await node.log.history.page({ ...query, newest: 1 });
      return { ...page, lost: new Map(query.topics.map((pattern) => [pattern, query.through])) };
    };
    client.cursor.subscribe(['a.*'], 'last:3');
    await node.live();
    expect(client.story).toEqual(['evicted(a.*)', 'a.1=4']);
    expect(client.gaps).toEqual([{ reason: 'evicted', topics: ['a.*'], id: node.id(3) }]);
  });

  it('starts "start" with everything, and says so first if the beginning is gone', async () => {
    const rules = [{ pattern: 'short', retention: { events: 2 } }];
    const node = restarted(
      (log) => {
        append(log, 'long', [1]);
        append(log, 'short', [2, 3, 4]);
      },
      { rules },
    );
    const [all, some] = [node.connect(), node.connect()];
    all.cursor.subscribe(['long'], 'start');
    some.cursor.subscribe(['long', 'short'], 'start');
    node.publish('long', 5);
    await node.live();
    expect(all.story).toEqual(['long=1', 'long=5']);
    expect(some.story).toEqual(['evicted(short)', 'long=1', 'short=3', 'short=4', 'long=5']);
    expect(some.gaps).toMatchObject([{ reason: 'evicted', topics: ['short'] }]);
  });
});
