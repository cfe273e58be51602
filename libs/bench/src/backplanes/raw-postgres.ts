import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { postgresUrl } from './postgres-server.js';
import type { RawLog } from './raw-log.js';

/** The least that a batch can be: a range of numbers from one row, an array that is inserted, and a notification. */
const schema = `
CREATE TABLE IF NOT EXISTS head (one boolean PRIMARY KEY, sequence bigint NOT NULL);
INSERT INTO head VALUES (true, 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS log (sequence bigint PRIMARY KEY, data text NOT NULL);
CREATE OR REPLACE FUNCTION append_all(p_data text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE base bigint;
BEGIN
  UPDATE head SET sequence = sequence + cardinality(p_data) RETURNING sequence - cardinality(p_data) INTO base;
  INSERT INTO log SELECT base + n, data FROM unnest(p_data) WITH ORDINALITY AS d(data, n);
  PERFORM pg_notify('raw', '');
  RETURN base;
END $$`;

interface Waiting {
  readonly data: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** What is appended while a batch is on its way is the next batch. */
export async function rawPostgres(port: number): Promise<RawLog> {
  const writer = await connected(port);
  await writer.query(schema);
  let waiting: Waiting[] = [];
  let isRunning = false;
  const run = async () => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await writer.query('SELECT append_all($1)', [batch.map(({ data }) => data)]);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  };
  return {
    append: (data) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ data, resolve, reject });
        if (isRunning) return;
        isRunning = true;
        setImmediate(() => void run());
      }),
    follow: async (receive) => {
      const [reader, listener] = [await connected(port), await connected(port)];
      const { rows } = await reader.query<{ sequence: string }>('SELECT sequence FROM head');
      await listener.query('LISTEN raw');
      void followTable(reader, listener, Number(rows[0]!.sequence), receive);
    },
  };
}

async function followTable(
  reader: pg.Client,
  listener: pg.Client,
  start: number,
  receive: (data: string) => void,
): Promise<void> {
  let wake: () => void = () => undefined;
  let isNew = false;
  listener.on('notification', () => {
    isNew = true;
    wake();
  });
  const sql = 'SELECT sequence, data FROM log WHERE sequence > $1 ORDER BY sequence LIMIT 512';
  for (let last = start; ;) {
    isNew = false;
    const { rows } = await reader.query<{ sequence: string; data: string }>(sql, [last]);
    for (const { sequence, data } of rows) {
      last = Number(sequence);
      receive(data);
    }
    if (rows.length > 0 || isNew) continue;
    await Promise.race([new Promise<void>((resolve) => (wake = resolve)), delay(500)]);
  }
}

async function connected(port: number): Promise<pg.Client> {
  const client = new pg.Client(postgresUrl(port));
  try {
    await client.connect();
    return client;
  } catch {
    // It takes a moment until the server lets connections in.
    await delay(50);
    return connected(port);
  }
}
