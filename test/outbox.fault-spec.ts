import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg, { type Client } from 'pg';
import { afterTest } from './support/cleanup.js';
import { outboxNode, transaction, type OutboxNode } from './support/outbox.js';
import { outboxKinds } from './support/outbox-cluster.js';
import { connected, startPostgres, urlOf } from './support/postgres.js';
import { running } from './support/log-on-server.js';
import { random } from './support/random.js';
import { eventually } from './support/watched.js';

jest.setTimeout(300_000);
Logger.overrideLogger(false);

const seed = Number(process.env.OUTBOX_SEED ?? 20_261_129);

/** An event that was published in a transaction. The times are counted: what has a lower one was before. */
interface Published {
  readonly topic: string;
  readonly n: number;
  /** Before it was inserted. */
  readonly inserted: number;
  /** After its transaction had committed. */
  committed?: number;
}

const topics = ['orders.1', 'orders.2', 'orders.3', 'news'];
const numbersOf = (node: OutboxNode, topic: string) => node.heard.of(topic) as number[];

/** Transactions at the same time, each on a connection of its own, with events on nodes and topics that are drawn. */
class Transactions {
  readonly all: Published[] = [];
  private clock = 0;

  constructor(
    private readonly nodes: readonly OutboxNode[],
    private readonly below: (limit: number) => number,
  ) {}

  /** One after the other: some are rolled back. */
  async run(client: Client, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const mine: Published[] = [];
      await client.query('BEGIN');
      for (let left = 1 + this.below(4); left > 0; left--) {
        const topic = topics[this.below(topics.length)]!;
        const node = this.nodes[this.below(this.nodes.length)]!;
        const published = { topic, n: this.all.length, inserted: ++this.clock };
        mine.push(published);
        this.all.push(published);
        await node.outbox.publish(client, topic, published.n);
        await client.query('SELECT pg_sleep($1)', [this.below(100) / 1_000]);
      }
      const commits = this.below(3) > 0;
      await client.query(commits ? 'COMMIT' : 'ROLLBACK');
      const committed = ++this.clock;
      if (commits) for (const published of mine) published.committed = committed;
    }
  }

  /** What has committed is there once, nothing else is, and what was before comes before. */
  check(node: OutboxNode): void {
    for (const topic of topics) {
      const heard = numbersOf(node, topic);
      const committed = this.all.filter((each) => each.topic === topic && each.committed !== undefined);
      expect([...heard].sort((a, b) => a - b)).toEqual(committed.map(({ n }) => n));
      // Of what has come so far, the latest that was inserted: what comes next must not have committed before that.
      let latest = 0;
      for (const n of heard) {
        const { inserted, committed: end } = this.all[n]!;
        expect(end!).toBeGreaterThan(latest);
        latest = Math.max(latest, inserted);
      }
    }
  }
}

describe.each(outboxKinds)('An outbox of three nodes over $kind', ({ kind, startServer, backplane }) => {
  async function start(count: number, max = 100) {
    const database = await running(startPostgres(['-c', `max_connections=${max}`]));
    const server = kind === 'Postgres' ? database : await running(startServer());
    const push = () => ({ backplane: backplane(server.port, { publishTimeout: 60_000 }) });
    const nodes = [];
    for (let i = 0; i < count; i++)
      nodes.push(await outboxNode(urlOf(database.port), { lease: 1_000, pollInterval: 200 }, push()));
    for (const { bus } of nodes) await eventually(async () => (await bus.health()).ready);
    return { database, server, nodes };
  }

  it('tells every node what 200 transactions at once have committed: once, in order, and nothing else', async () => {
    const { database, nodes } = await start(3, 300);
    const below = random(seed);
    const transactions = new Transactions(nodes, below);
    const clients = await Promise.all(Array.from({ length: 200 }, () => connected(database.port)));
    await Promise.all(clients.map((client) => transactions.run(client, 2)));
    const end = clients[0]!;
    await transaction(end, () => nodes[0]!.outbox.publish(end, 'end', null));
    for (const node of nodes) {
      await node.heard.until(() => node.heard.of('end').length > 0);
      const committed = transactions.all.filter((each) => each.committed !== undefined);
      await node.heard.until(() => node.heard.events.length > committed.length);
      transactions.check(node);
      expect(topics.map((topic) => numbersOf(node, topic))).toEqual(
        topics.map((topic) => numbersOf(nodes[0]!, topic)),
      );
      expect(node.errors).toEqual([]);
    }
    await eventually(async () => (await nodes[0]!.outbox.stats()).waiting === 0);
    expect((await nodes[0]!.outbox.stats()).failed).toBe(0);
  });

  it('loses nothing and repeats nothing while its database and its backplane are killed and come back', async () => {
    const { database, server, nodes } = await start(2);
    const [first] = nodes as [OutboxNode];
    const owner = await connected(database.port);
    // What the application has stored: an event for each order, if its transaction has committed.
    await owner.query('CREATE TABLE orders (n int)');
    let n = 0;
    let isOver = false;
    const buy = async (client: Client) => {
      while (!isOver) {
        await client.query('BEGIN');
        await client.query('INSERT INTO orders VALUES ($1)', [++n]);
        await first.outbox.publish(client, 'orders.1', n);
        await client.query('COMMIT');
      }
    };
    const buying = (async () => {
      while (!isOver) {
        const client = new pg.Client({ connectionString: urlOf(database.port) });
        client.on('error', () => undefined);
        // A transaction that the server has not answered may have committed, or not.
        await client
          .connect()
          .then(() => buy(client))
          .catch(() => undefined);
        await client.end().catch(() => undefined);
      }
    })();
    afterTest(() => {
      isOver = true;
      return buying;
    });
    const untilMore = async (count: number) => {
      const wanted = first.heard.events.length + count;
      await first.heard.until(() => first.heard.events.length >= wanted);
    };
    await untilMore(30);
    for (const each of [database, server, database, server]) {
      await each.kill();
      // A transaction does not wait for the backplane.
      const now = n;
      if (each !== database) await eventually(() => n > now + 5);
      await each.start();
      await untilMore(30);
    }
    isOver = true;
    await buying;
    const last = await connected(database.port);
    const { rows } = await last.query<{ n: number }>('SELECT n FROM orders ORDER BY n');
    const orders = rows.map((row) => row.n);
    for (const node of nodes) {
      await node.heard.until(() => numbersOf(node, 'orders.1').includes(orders.at(-1)!));
      expect(numbersOf(node, 'orders.1')).toEqual(orders);
    }
    await eventually(async () => (await first.outbox.stats()).waiting === 0);
    expect((await first.outbox.stats()).failed).toBe(0);
  });
});
