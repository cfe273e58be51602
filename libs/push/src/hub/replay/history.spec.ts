import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import { RecordingClient } from '../../../test/models/memory-node.js';
import { MemoryLog } from '../../testing/memory-log.js';
import { ControlMessages } from '../../bus/control-messages.js';
import { ErrorReporter } from '../../bus/error-reporter.js';
import { NodeTail } from '../../bus/node-tail.js';
import type { Backplane } from '../../contracts/backplane.js';
import { Hub } from '../hub.js';
import { NodeLog, type NodeLogOptions } from './node-log.js';

/** A storm takes its time on a machine that is busy. */
jest.setTimeout(180_000);

/** What a hub asks of the history that it has, and what becomes of it. */
class WatchedHistory implements History {
  readonly queries: HistoryQuery[] = [];
  /** How many reads fail from now on. */
  failures = 0;
  reading = 0;
  mostReading = 0;
  /** As long as it is set, nothing is answered. */
  held: Promise<void> | undefined;

  constructor(private readonly history: History) {}

  async page(query: HistoryQuery): Promise<HistoryPage> {
    this.queries.push(query);
    this.mostReading = Math.max(this.mostReading, ++this.reading);
    try {
      await this.held;
      if (this.failures-- > 0) throw new Error('The server is away.');
      return await this.history.page(query);
    } finally {
      this.reading--;
    }
  }
}

/** A hub that reads the log of a backplane. */
function startedHub(log: NodeLog, backplane: Backplane): Hub {
  const hub = new Hub(log);
  new NodeTail(hub, new ControlMessages(new ErrorReporter({}))).start(backplane);
  return hub;
}

/** A node that starts over a log which has a past. */
class LateNode {
  readonly nodeLog: NodeLog;
  readonly hub: Hub;
  readonly history: WatchedHistory;
  readonly errors: unknown[] = [];

  constructor(
    readonly log: MemoryLog,
    options: Partial<NodeLogOptions> = {},
  ) {
    this.nodeLog = new NodeLog({
      rules: [],
      retention: { events: 1_000, age: Infinity },
      windowBytes: 64 * 1024 * 1024,
      emptyTopics: 1_000,
      onHistoryError: (error) => this.errors.push(error),
      ...options,
    });
    this.hub = startedHub(this.nodeLog, log.node());
    this.history = new WatchedHistory(log.history);
    this.nodeLog.readOlderFrom(this.history);
  }

  publish(topic: string, ...data: number[]): void {
    for (const each of data) this.log.append({ topic, data: String(each) });
  }

  id(sequence: number): string {
    return this.nodeLog.print(sequence);
  }

  connect(): RecordingClient {
    return new RecordingClient(this.hub);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await turn();
  }

  /** Everyone has everything. */
  live(): Promise<void> {
    return this.until(
      () => this.hub.stats().lagging === 0 && this.nodeLog.fanOut.delivered === this.nodeLog.window.head,
    );
  }
}

/** A log in which `publish` has put something before the node starts. */
function restarted(publish: (log: MemoryLog) => void, options: Partial<NodeLogOptions> = {}): LateNode {
  const log = new MemoryLog();
  const firstLog = new NodeLog({
    rules: [],
    retention: { events: 1_000, age: Infinity },
    windowBytes: 1_000_000,
    emptyTopics: 1_000,
    ...options,
  });
  const first = startedHub(firstLog, log.node());
  publish(log);
  first.close();
  return new LateNode(log, options);
}

const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);
const append = (log: MemoryLog, topic: string, data: readonly number[]) =>
  data.forEach((each) => log.append({ topic, data: String(each) }));

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

describe('A storm of clients that come back', () => {
  it('does not reach the history while the window has what they need', async () => {
    const node = restarted((log) => append(log, 'a', [1]), { retention: { events: 50, age: Infinity } });
    node.publish('a', ...numbers(100, 2));
    for (const n of numbers(500)) {
      const client = node.connect();
      if (n % 3 === 0) client.cursor.subscribe(['a'], 'last');
      else client.cursor.subscribe(['a', `b.${n}`], node.id(1 + (n % 100)));
    }
    await node.live();
    expect(node.history.queries).toEqual([]);
  });

  it('shares what has to be read, from wherever each goes on', async () => {
    const node = restarted((log) => append(log, 'a', numbers(900)));
    node.publish('a', 901);
    const clients = numbers(2_000).map((n) => {
      const client = node.connect();
      client.cursor.subscribe(['a'], node.id((n * 7) % 900));
      return { client, from: (n * 7) % 900 };
    });
    await node.live();
    for (const { client, from } of clients) {
      const data = client.batches.flatMap(({ events }) => events.map((event) => Number(event.data)));
      expect(data).toEqual(numbers(901 - from, from + 1));
    }
    expect(node.history.queries.length).toBeLessThan(100);
  });

  it('with topics of their own wait for each other: few pages are read at once', async () => {
    const node = restarted((log) => numbers(200).forEach((n) => append(log, `user.${n}`, [n])));
    const clients = numbers(200).map((n) => {
      const client = node.connect();
      client.cursor.subscribe([`user.${n}`], node.id(0));
      return client;
    });
    const { reading, waiting } = node.hub.stats().history;
    expect(reading).toBe(4);
    expect(waiting).toBeGreaterThan(4);
    await node.live();
    expect(clients.map(({ story }) => story)).toEqual(numbers(200).map((n) => [`user.${n}=${n}`]));
    expect(node.history.mostReading).toBe(4);
    expect(node.hub.stats().history).toMatchObject({ pages: 200, reading: 0, waiting: 0 });
  });

  it('with many topics of one client leaves room for the others', async () => {
    const node = restarted((log) => numbers(100).forEach((n) => append(log, `user.${n}`, [n])));
    let answer = () => {};
    node.history.held = new Promise((resolve) => (answer = resolve));
    const budget = { spend: () => undefined, delay: 0 };
    const greedy = numbers(90).map((n) => {
      const client = Object.assign(node.connect(), { budget });
      client.cursor.subscribe([`user.${n}`], node.id(0));
      return client;
    });
    await node.until(() => node.hub.stats().history.waiting > 80);
    expect(node.history.reading).toBe(2);
    const modest = node.connect();
    modest.cursor.subscribe(['user.100'], node.id(0));
    await node.until(() => node.history.reading === 3);
    answer();
    await node.until(() => modest.cursor.isLive);
    expect(node.history.queries.findIndex(({ topics }) => topics.includes('user.100'))).toBe(2);
    await node.live();
    expect(greedy.map(({ story }) => story)).toEqual(numbers(90).map((n) => [`user.${n}=${n}`]));
  });

  it('is remembered in no more memory than is set aside', async () => {
    const node = restarted((log) =>
      numbers(400).forEach(() => log.append({ topic: 'a', data: `"${'x'.repeat(50_000)}"` })),
    );
    const client = node.connect();
    client.cursor.subscribe(['a'], node.id(0));
    await node.live();
    expect(client.batches.flatMap(({ events }) => events)).toHaveLength(400);
    const { bytes } = node.hub.stats().history;
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(bytes).toBeLessThan(16 * 1024 * 1024);
  });
});
