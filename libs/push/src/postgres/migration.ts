import type { Client } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { inSchema, quoted, schema } from './quoted.js';

/** What the server says where two make the same thing at the same time, or where it is not there. */
const races = new Set(['23505', '42P06', '42P07', '42710', 'XX000', '40P01']);
const missing = new Set(['3F000', '42P01', '42883', '42703']);

/** How often it is tried again when another node makes the same. */
const attempts = 20;

/** A schema, and what is in it. */
export class Migration {
  /** Everything as one transaction. It changes nothing where it is there. */
  readonly sql: string;

  /**
   * @param name of the schema
   * @param versions the table that keeps the version: what shares a schema has one each
   * @param version changes when the tables or the functions change: nodes make them again then
   * @param tables what makes them where they are not there, in `schema`
   * @param functions what makes or replaces them, in `schema`
   */
  constructor(
    private readonly name: string,
    private readonly versions: string,
    private readonly version: number,
    tables: string,
    functions: readonly string[],
  ) {
    const text = `BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.${versions} (number int NOT NULL);
-- A second migration waits here. A lock of the transaction passes every pooler.
LOCK TABLE ${schema}.${versions} IN ACCESS EXCLUSIVE MODE;
${tables}
${functions.join('\n')}
DELETE FROM ${schema}.${versions};
INSERT INTO ${schema}.${versions} VALUES (${version});
COMMIT;
`;
    this.sql = inSchema(name, text);
  }

  /** Makes what is not there yet. Any number of nodes may do it at the same time. */
  async run(client: Client): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if ((await this.versionOf(client)) >= this.version) return;
      try {
        await client.query(this.sql);
        return;
      } catch (error) {
        await client.query('ROLLBACK');
        if (!races.has(codeOf(error)) || attempt === attempts) throw error;
        await delay(5 * attempt);
      }
    }
  }

  private async versionOf(client: Client): Promise<number> {
    try {
      const { rows } = await client.query<{ number: number }>(
        `SELECT number FROM ${quoted(this.name)}.${this.versions}`,
      );
      return rows[0]?.number ?? 0;
    } catch (error) {
      if (!isMissing(error)) throw error;
      return 0;
    }
  }
}

/** Whether an error says that tables or functions are not there. */
export function isMissing(error: unknown): boolean {
  return missing.has(codeOf(error));
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
