import pg from 'pg';
import { postgresUrl } from './postgres-server.js';

/** How a transaction publishes: through the outbox, which is notified or looks for itself; or with a table and a notification. */
export type Way = 'notified' | 'polled' | 'raw';

/** What a transaction does besides, and the least that could stand for an outbox. */
const schema = `
CREATE TABLE IF NOT EXISTS orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text NOT NULL);
CREATE TABLE IF NOT EXISTS raw_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data text NOT NULL)`;

const padding = 'x'.repeat(100);

/** Transactions of an application, each on one of some connections: a row of its own, and an event. */
export class Transactions {
  private count = 0;
  private readonly waiting: ((client: pg.Client) => void)[] = [];

  private constructor(
    private readonly way: Way,
    private readonly free: pg.Client[],
  ) {}

  static async connect(port: number, way: Way, connections: number): Promise<Transactions> {
    const clients = Array.from({ length: connections }, () => new pg.Client(postgresUrl(port)));
    for (const client of clients) await client.connect();
    await clients[0]!.query(schema);
    return new Transactions(way, clients);
  }

  /** Runs one. @param at what its event says of when it was published; default: the moment before */
  async run(at?: number): Promise<void> {
    const client = this.free.pop() ?? (await new Promise<pg.Client>((resolve) => this.waiting.push(resolve)));
    try {
      await client.query('BEGIN');
      await client.query("INSERT INTO orders (state) VALUES ('paid')");
      const data = JSON.stringify({ at: at ?? performance.timeOrigin + performance.now(), padding });
      if (this.way === 'raw')
        await client.query(
          "WITH row AS (INSERT INTO raw_events (data) VALUES ($1)) SELECT pg_notify('raw', '')",
          [data],
        );
      else
        await client.query('SELECT push_outbox.push_publish($1::text, $2::text, notify => $3)', [
          `bench.${this.count++ % 10}`,
          data,
          this.way === 'notified',
        ]);
      await client.query('COMMIT');
    } finally {
      const next = this.waiting.shift();
      if (next) next(client);
      else this.free.push(client);
    }
  }
}

/** Calls `receive` with the events of `raw` transactions from now on. Resolves when it listens. */
export async function followRows(port: number, receive: (data: string) => void): Promise<void> {
  const [reader, listener] = [new pg.Client(postgresUrl(port)), new pg.Client(postgresUrl(port))];
  for (const client of [reader, listener]) await client.connect();
  await reader.query(schema);
  let last = 0;
  let isReading = false;
  let isNew = false;
  const read = async () => {
    if (isReading) return;
    isReading = true;
    while (isNew) {
      isNew = false;
      const { rows } = await reader.query<{ id: string; data: string }>(
        'SELECT id, data FROM raw_events WHERE id > $1 ORDER BY id',
        [last],
      );
      for (const { id, data } of rows) {
        last = Number(id);
        receive(data);
      }
    }
    isReading = false;
  };
  listener.on('notification', () => {
    isNew = true;
    void read();
  });
  await listener.query('LISTEN raw');
}
