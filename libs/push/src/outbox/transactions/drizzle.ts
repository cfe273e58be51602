import { assertBegun } from './pg.js';
import { refused } from './refused.js';
import type { SqlRunner, SqlValue, Unrecognized } from './sql-runner.js';

/** The `tx` of a transaction of Drizzle, with any of its drivers for PostgreSQL. */
export interface DrizzleTransaction {
  execute(query: never): PromiseLike<unknown>;
  rollback(): never;
}

/** What `execute` takes: something that gives its SQL when it is asked to. */
interface DrizzleQuery {
  getSQL(): DrizzleQuery;
  toQuery(): { readonly sql: string; readonly params: SqlValue[] };
}

interface Transaction {
  execute(query: DrizzleQuery): PromiseLike<unknown>;
  /** With `pg`, its client. */
  readonly session?: { readonly client?: object };
}

/** Drizzle. Once its transaction has ended, a `tx` goes on outside of any. */
export function drizzleTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.execute !== 'function' || typeof tx.transaction !== 'function') return undefined;
  if (typeof tx.rollback !== 'function')
    throw refused('the database of Drizzle itself', 'Pass the tx of db.transaction(async (tx) => …).');
  const transaction = tx as unknown as Transaction;
  assertBegun(transaction.session?.client);
  return { query: async (text, values) => transaction.execute(queryOf(text, values)) };
}

function queryOf(text: string, values: readonly SqlValue[]): DrizzleQuery {
  const query: DrizzleQuery = {
    getSQL: () => query,
    toQuery: () => ({ sql: text, params: [...values] }),
  };
  return query;
}
