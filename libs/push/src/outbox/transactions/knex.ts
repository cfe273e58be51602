import { refused } from './refused.js';
import type { SqlRunner, SqlValue, Unrecognized } from './sql-runner.js';

/** A transaction of Knex. */
export interface KnexTransaction {
  readonly isTransaction?: boolean;
  raw(text: string, values: never): PromiseLike<unknown>;
  commit(...args: never[]): unknown;
}

interface Knex {
  readonly isTransaction?: boolean;
  raw(text: string, values: SqlValue[]): PromiseLike<unknown>;
}

/** Knex, and the transactions of MikroORM 6, which are Knex's. */
export function knexTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.raw !== 'function' || typeof tx.queryBuilder !== 'function') return undefined;
  const knex = tx as unknown as Knex;
  if (knex.isTransaction !== true)
    throw refused('the instance of Knex itself', 'Pass the trx of knex.transaction(async (trx) => …).');
  return {
    query: async (text, values) => {
      const ordered: SqlValue[] = [];
      // Knex has "?" for the next value.
      const marked = text.replaceAll(/\$(\d+)/g, (_, number) => {
        ordered.push(values[Number(number) - 1]!);
        return '?';
      });
      return await knex.raw(marked, ordered);
    },
  };
}
