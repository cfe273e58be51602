import { schema } from '../postgres/quoted.js';
import type { OutboxDatabase } from './outbox-database.js';

/** An event that was committed and cannot be published. */
export interface FailedEvent {
  /** What `retry` and `discard` take. */
  readonly id: string;
  readonly topic: string;
  readonly data: unknown;
  /** The options that it was published with; `null` for none. */
  readonly options: unknown;
  /** When it was inserted. */
  readonly created: Date;
  /** When it was put aside. */
  readonly failed: Date;
  /** The code of the `PushError`. */
  readonly code: string;
  readonly message: string;
  /** How often it was put aside. */
  readonly attempts: number;
}

/** How many rows are counted at most. */
const mostCounted = 10_000;

/** What waits in an outbox. */
export interface WaitingCounts {
  /** Events that have committed and are not published yet: 10,000 stands for that many or more. */
  readonly waiting: number;
  /** When the first of them was inserted. */
  readonly oldest?: Date;
  /** Events that were put aside: 10,000 stands for that many or more. */
  readonly failed: number;
}

/** As it is read: an application may have told `pg` how to read everything but text. */
type FailedRow = Record<Exclude<keyof FailedEvent, 'options'>, string> & { readonly options: string | null };

function millisecondsOf(column: string): string {
  return `trunc(extract(epoch FROM ${column}) * 1000)::text`;
}

function eventOf({
  id,
  topic,
  data,
  options,
  created,
  failed,
  code,
  message,
  attempts,
}: FailedRow): FailedEvent {
  return {
    id,
    topic,
    data: JSON.parse(data) as unknown,
    options: options === null ? null : (JSON.parse(options) as unknown),
    created: new Date(Number(created)),
    failed: new Date(Number(failed)),
    code,
    message,
    attempts: Number(attempts),
  };
}

/** The rows that were put aside, and what operators do with them. */
export class FailedRows {
  constructor(
    private readonly database: OutboxDatabase,
    private readonly channel: string,
  ) {}

  async list(limit: number): Promise<FailedEvent[]> {
    const sql = `SELECT id::text, topic, data::text, options::text, ${millisecondsOf('created')} AS created,
        ${millisecondsOf('failed')} AS failed, code, message, attempts::text
      FROM ${schema}.failed ORDER BY failed.id LIMIT $1`;
    return (await this.database.query<FailedRow>(sql, [limit])).rows.map(eventOf);
  }

  /** Makes it a row again, with the id that it had: it is the first of its topic then. */
  async retry(id: string): Promise<boolean> {
    const sql = `WITH one AS (DELETE FROM ${schema}.failed WHERE id = $1::bigint RETURNING *), back AS (
        INSERT INTO ${schema}.rows (id, topic, data, options, created, attempts) OVERRIDING SYSTEM VALUE
          SELECT id, topic, data, options, created, attempts FROM one
      )
      SELECT pg_notify($2, '') FROM one`;
    return (await this.database.query(sql, [id, this.channel])).rows.length > 0;
  }

  async discard(id: string): Promise<boolean> {
    const sql = `DELETE FROM ${schema}.failed WHERE id = $1::bigint`;
    return (await this.database.query(sql, [id])).rowCount === 1;
  }

  async counts(): Promise<WaitingCounts> {
    const count = (table: string) =>
      `(SELECT count(*)::text FROM (SELECT FROM ${schema}.${table} LIMIT ${mostCounted}) AS few)`;
    const sql = `SELECT ${count('rows')} AS waiting, ${count('failed')} AS failed,
      (SELECT ${millisecondsOf('created')} FROM ${schema}.rows ORDER BY id LIMIT 1) AS oldest`;
    const { rows } = await this.database.query<
      Record<'waiting' | 'failed', string> & { oldest: string | null }
    >(sql);
    const { waiting, failed, oldest } = rows[0]!;
    return {
      waiting: Number(waiting),
      failed: Number(failed),
      ...(oldest !== null && { oldest: new Date(Number(oldest)) }),
    };
  }
}
