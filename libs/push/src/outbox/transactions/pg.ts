import { refused } from './refused.js';
import type { SqlRunner, Unrecognized } from './sql-runner.js';

/**
 * Anything whose `query` runs SQL with parameters in a transaction: a `Client` or `PoolClient` of `pg` after `BEGIN`, an
 * `EntityManager` or `QueryRunner` of TypeORM, or an object of your own.
 */
export interface QueryTransaction {
  query(text: string, values: unknown[]): PromiseLike<unknown>;
  /** Pools have one: each of their queries may take another connection. */
  readonly totalCount?: never;
  /** A `DataSource` of TypeORM has one. */
  readonly createQueryRunner?: never;
}

interface Client {
  query(text: string, values: unknown[]): PromiseLike<unknown>;
  /** `I` is idle: in no transaction. Earlier versions of `pg` do not say it. */
  getTransactionStatus?(): 'I' | 'T' | 'E' | null;
}

/** `pg`, and what has the same `query`. */
export function pgTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.query !== 'function') return undefined;
  if (typeof tx.totalCount === 'number')
    throw refused(
      'a pool',
      'Take a client from it (await pool.connect()), run BEGIN on the client, and pass the client.',
    );
  if (typeof tx.transaction === 'function')
    throw refused(
      'the object that begins transactions',
      'Pass what its transaction() gives to your callback.',
    );
  const client = tx as unknown as Client;
  assertBegun(client);
  return { query: async (text, values) => client.query(text, [...values]) };
}

/** @throws PushError `INVALID_OPTION` for a client of `pg` that says that it is in no transaction */
export function assertBegun(client: Partial<Client> | undefined): void {
  if (client?.getTransactionStatus?.() !== 'I') return;
  throw refused(
    'a client that is in no transaction',
    'Await BEGIN before you publish, and await publish() before COMMIT.',
  );
}
