import { DataSource, type QueryRunner } from 'typeorm';
import type { Orm } from './orm.js';

/** TypeORM with a `QueryRunner`, where the application says when a transaction begins and ends. */
export async function openQueryRunner(url: string): Promise<Orm<QueryRunner>> {
  const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
  const idle = dataSource.createQueryRunner();
  const inTransaction = async (work: (runner: QueryRunner) => Promise<unknown>) => {
    const runner = dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      await work(runner);
      await runner.commitTransaction();
    } catch (error) {
      await runner.rollbackTransaction();
      throw error;
    } finally {
      await runner.release();
    }
  };
  return {
    transaction: inTransaction,
    savepoint: (before, inside) =>
      inTransaction(async (runner) => {
        await before(runner);
        await runner.startTransaction();
        await inside(runner);
        await runner.rollbackTransaction();
      }),
    insert: (runner, id) => runner.query(`INSERT INTO orders VALUES ($1, 'open')`, [id]),
    outside: { 'QueryRunner before startTransaction()': idle },
    close: async () => {
      await idle.release();
      await dataSource.destroy();
    },
  };
}
