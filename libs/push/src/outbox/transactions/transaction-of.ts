import { PushError } from '../../contracts/errors.js';
import { drizzleTransaction, type DrizzleTransaction } from './drizzle.js';
import { knexTransaction, type KnexTransaction } from './knex.js';
import { kyselyTransaction, type KyselyTransaction } from './kysely.js';
import { mikroOrmTransaction, type MikroOrmTransaction } from './mikro-orm.js';
import { pgTransaction, type QueryTransaction } from './pg.js';
import { postgresJsTransaction, type PostgresJsTransaction } from './postgres-js.js';
import { prismaTransaction, type PrismaTransaction } from './prisma.js';
import type { Recognizer, SqlRunner, Unrecognized } from './sql-runner.js';
import { typeOrmTransaction } from './typeorm.js';

/**
 * A transaction that is open: the object that your ORM or driver runs its queries with. They are recognized by their shape, and
 * none has to be installed.
 *
 * | of | what |
 * | --- | --- |
 * | `pg` | a `Client` or `PoolClient` after `BEGIN` |
 * | TypeORM | the `EntityManager` of `dataSource.transaction()`, a `QueryRunner` after `startTransaction()` |
 * | Prisma | the `tx` of an interactive transaction |
 * | Drizzle | the `tx` of `db.transaction()`, with any driver for PostgreSQL |
 * | Kysely | the `trx` of `db.transaction()` or `db.startTransaction()` |
 * | MikroORM | an `EntityManager` in `em.transactional()`, or after `em.begin()` |
 * | Knex | the `trx` of `knex.transaction()` |
 * | `postgres` | the `sql` of `sql.begin()` |
 * | anything else | an object with `query(text, values)`, where `text` has `$1`, `$2`, … |
 */
export type OutboxTransaction =
  | QueryTransaction
  | PrismaTransaction
  | DrizzleTransaction
  | KyselyTransaction
  | MikroOrmTransaction
  | KnexTransaction
  | PostgresJsTransaction;

/** In this order: what has a `query` may be one of several, and comes last. */
const recognizers: readonly Recognizer[] = [
  prismaTransaction,
  mikroOrmTransaction,
  kyselyTransaction,
  drizzleTransaction,
  postgresJsTransaction,
  knexTransaction,
  typeOrmTransaction,
  pgTransaction,
];

/**
 * How statements run in a transaction of the caller's.
 *
 * @throws PushError `INVALID_OPTION` for what is no transaction, as far as that can be told: a pool, a client before `BEGIN`, the
 * object that begins transactions. The message says what to pass
 */
export function transactionOf(tx: OutboxTransaction): SqlRunner {
  if ((typeof tx === 'object' && tx !== null) || typeof tx === 'function')
    for (const recognize of recognizers) {
      const runner = recognize(tx as unknown as Unrecognized);
      if (runner) return runner;
    }
  const got = tx === null ? 'null' : typeof tx === 'object' ? 'an object without query()' : typeof tx;
  throw new PushError(
    'INVALID_OPTION',
    `outbox.publish() takes the transaction that the event is part of first, and got ${got}. Pass the object that you run` +
      " the transaction's queries with: a client of pg, the EntityManager or tx of your ORM, or { query(text, values) }.",
  );
}
