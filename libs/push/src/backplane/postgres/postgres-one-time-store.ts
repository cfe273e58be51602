import type { OneTimeStore } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import type { Names } from './names.js';

/** The server's clock, in milliseconds. */
const clock = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** One-time values as rows: the node that deletes one has it. */
export class PostgresOneTimeStore implements OneTimeStore {
  constructor(
    private readonly link: PostgresLink,
    private readonly names: Names,
  ) {}

  async put(key: string, value: string, milliseconds: number): Promise<void> {
    const sql = `INSERT INTO ${this.names.schema}.once (key, value, expires) VALUES ($1, $2, ${clock} + $3)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires`;
    await this.run(sql, [key, Buffer.from(value), Math.ceil(milliseconds)]);
  }

  async take(key: string): Promise<string | undefined> {
    const sql = `DELETE FROM ${this.names.schema}.once WHERE key = $1 RETURNING value, expires > ${clock} AS fresh`;
    const [row] = await this.run(sql, [key]);
    return row?.fresh ? row.value.toString() : undefined;
  }

  private async run(sql: string, values: unknown[]): Promise<{ value: Buffer; fresh: boolean }[]> {
    try {
      return (await this.link.query<{ value: Buffer; fresh: boolean }>(sql, values)).rows;
    } catch (cause) {
      throw new PushError('UNAVAILABLE', 'Postgres did not answer. Try again later.', { cause });
    }
  }
}
