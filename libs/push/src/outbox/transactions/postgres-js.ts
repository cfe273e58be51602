import { refused } from './refused.js';
import type { SqlRunner, SqlValue, Unrecognized } from './sql-runner.js';

/** The `sql` of a transaction of `postgres`. */
export interface PostgresJsTransaction {
  unsafe(text: string, values: never): PromiseLike<unknown>;
  savepoint(work: never): PromiseLike<unknown>;
}

interface Sql {
  unsafe(text: string, values: SqlValue[]): PromiseLike<unknown>;
}

/** The package `postgres`, "Postgres.js". */
export function postgresJsTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.unsafe !== 'function') return undefined;
  if (typeof tx.savepoint !== 'function')
    throw refused(
      'the sql of postgres itself',
      'Pass the one of its transaction: sql.begin(async (sql) => …).',
    );
  const sql = tx as unknown as Sql;
  return { query: async (text, values) => sql.unsafe(text, [...values]) };
}
