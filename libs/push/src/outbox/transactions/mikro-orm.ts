import { refused } from './refused.js';
import { knexTransaction } from './knex.js';
import { kyselyTransaction } from './kysely.js';
import type { SqlRunner, Unrecognized } from './sql-runner.js';

/** An `EntityManager` of MikroORM, in a transaction. */
export interface MikroOrmTransaction {
  isInTransaction(): boolean;
  getTransactionContext(): unknown;
}

/** MikroORM. Its own `execute` writes the values into the text; the transaction it has from Kysely or Knex sends them beside. */
export function mikroOrmTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.isInTransaction !== 'function' || typeof tx.getTransactionContext !== 'function')
    return undefined;
  const context = (tx as unknown as MikroOrmTransaction).getTransactionContext();
  if (!context)
    throw refused(
      'an EntityManager of MikroORM outside of a transaction',
      'Pass the em of em.transactional(async (em) => …), or call em.begin() first.',
    );
  const transaction = context as Unrecognized;
  const runner = kyselyTransaction(transaction) ?? knexTransaction(transaction);
  if (!runner)
    throw refused(
      'an EntityManager of MikroORM without SQL',
      'The outbox is a table in PostgreSQL: take the driver @mikro-orm/postgresql.',
    );
  return runner;
}
