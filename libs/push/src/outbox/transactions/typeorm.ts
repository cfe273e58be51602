import { refused } from './refused.js';
import type { SqlRunner, Unrecognized } from './sql-runner.js';

interface QueryRunner {
  readonly isTransactionActive: boolean;
  query(text: string, values: unknown[]): Promise<unknown>;
}

interface EntityManager {
  readonly queryRunner?: QueryRunner;
}

const remedy =
  'Pass the EntityManager of dataSource.transaction(async (manager) => …), or a QueryRunner after startTransaction().';

/** TypeORM: an `EntityManager` or a `QueryRunner`; also a `Repository` of the transaction's manager. */
export function typeOrmTransaction(tx: Unrecognized): SqlRunner | undefined {
  const runner = queryRunnerOf(tx);
  if (!runner) return undefined;
  if (!runner.isTransactionActive) throw refused('a QueryRunner of TypeORM without a transaction', remedy);
  return { query: async (text, values) => runner.query(text, [...values]) };
}

function queryRunnerOf(tx: Unrecognized): QueryRunner | undefined {
  if (typeof tx.query !== 'function') return undefined;
  if (typeof tx.isTransactionActive === 'boolean') return tx as unknown as QueryRunner;
  if (typeof tx.createQueryRunner === 'function') throw refused('a DataSource of TypeORM', remedy);
  const manager = isManager(tx.manager) ? tx.manager : tx;
  if (!isManager(manager)) return undefined;
  if (!manager.queryRunner) throw refused('an EntityManager of TypeORM outside of a transaction', remedy);
  return manager.queryRunner;
}

function isManager(value: unknown): value is EntityManager {
  const manager = value as Unrecognized | undefined;
  return typeof manager?.getRepository === 'function' && typeof manager.query === 'function';
}
