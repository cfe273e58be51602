import { schema } from '../postgres/quoted.js';
import type { OutboxDatabase } from './outbox-database.js';
import { tell } from './steps.js';

/** A row that is to be published. */
export interface WaitingRow {
  readonly id: string;
  readonly topic: string;
  /** JSON text; `null` if it is far too large to be read. */
  readonly data: string | null;
  /** JSON text. */
  readonly options: string | null;
}

/** A row that was refused, and why. */
export interface RefusedRow {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

/** What became of claimed rows. Those that are not named wait for the next claim. */
export interface Settlement {
  /** They are in the log. */
  readonly stored: readonly string[];
  /** They never will be. */
  readonly refused: readonly RefusedRow[];
  /** They may be. */
  readonly unsure: readonly string[];
}

/** How many rows a claim has at most, and how many bytes, before the last one. */
const mostRows = 256;
const mostBytes = 4 * 1024 * 1024;

/** How many characters of an error's message are kept. */
const messageLength = 1_000;

/** The rows that wait (ids are text: an application may have told `pg` how to read numbers), for the holder of the lease. Each statement checks its token, and does nothing with another one. */
export class WaitingRows {
  /** @param largest the most bytes of data that are read */
  constructor(
    private readonly database: OutboxDatabase,
    private readonly largest: number,
  ) {}

  /**
   * Claims the next rows, in their order, and notes the log's head.
   *
   * @param held topics to leave alone
   */
  async claim(token: string, head: string, held: readonly string[]): Promise<WaitingRow[]> {
    tell('claim');
    const sql = `WITH few AS MATERIALIZED (
        SELECT id, topic, options::text AS options,
          CASE WHEN octet_length(data::text) <= $4 THEN data::text END AS data,
          least(octet_length(data::text), $4) AS size
        FROM ${schema}.rows WHERE topic <> ALL ($3::text[]) ORDER BY id LIMIT ${mostRows}
      ), next AS MATERIALIZED (
        SELECT * FROM (SELECT *, sum(size) OVER (ORDER BY id) - size AS before FROM few) AS summed
        WHERE before < ${mostBytes}
      ), claim AS (
        UPDATE ${schema}.relay SET head = $2, claimed = (SELECT array_agg(id) FROM next)
        WHERE token = $1 AND EXISTS (SELECT FROM next) RETURNING token
      )
      SELECT id::text, topic, data, options FROM next, claim ORDER BY next.id`;
    const { rows } = await this.database.query<WaitingRow>(sql, [token, head, held, this.largest]);
    return rows;
  }

  /** Those of the rows that are still there. */
  async among(ids: readonly string[]): Promise<WaitingRow[]> {
    const sql = `SELECT id::text, topic, options::text AS options,
        CASE WHEN octet_length(data::text) <= $2 THEN data::text END AS data
      FROM ${schema}.rows WHERE id = ANY ($1::bigint[]) ORDER BY rows.id`;
    return (await this.database.query<WaitingRow>(sql, [ids, this.largest])).rows;
  }

  /** Deletes what is stored, puts aside what was refused, and notes of what that is not known. */
  async settle(token: string, { stored, refused, unsure }: Settlement): Promise<void> {
    tell('delete');
    const ids = [...stored, ...refused.map(({ id }) => id)];
    const sql = `WITH claim AS (
        UPDATE ${schema}.relay SET claimed = $2::bigint[] WHERE token = $1 RETURNING token
      ), gone AS (
        DELETE FROM ${schema}.rows USING claim WHERE id = ANY ($3::bigint[]) RETURNING rows.*
      )
      INSERT INTO ${schema}.failed (id, topic, data, options, created, attempts, code, message)
        SELECT id, topic, data, options, created, attempts + 1, code, message
        FROM gone JOIN unnest($4::bigint[], $5::text[], $6::text[]) AS refused(id, code, message) USING (id)`;
    const texts = refused.map(({ message }) => message.replaceAll('\0', '').slice(0, messageLength));
    const columns = [refused.map(({ id }) => id), refused.map(({ code }) => code), texts];
    await this.database.query(sql, [token, unsure, ids, ...columns]);
    tell('deleted');
  }
}
