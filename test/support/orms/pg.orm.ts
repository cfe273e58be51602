import { Pool, type PoolClient } from 'pg';
import { Orders } from './pg.example.js';
import type { Orm } from './orm.js';

export function openPg(url: string): Orm<PoolClient> {
  const pool = new Pool({ connectionString: url });
  const inTransaction = async (work: (tx: PoolClient) => Promise<unknown>) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await work(client);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  };
  return {
    transaction: inTransaction,
    savepoint: (before, inside) =>
      inTransaction(async (client) => {
        await before(client);
        await client.query('SAVEPOINT part');
        await inside(client);
        await client.query('ROLLBACK TO SAVEPOINT part');
      }),
    insert: (client, id) => client.query(`INSERT INTO orders VALUES ($1, 'open')`, [id]),
    example: (outbox) => new Orders(pool, outbox),
    outside: { pool: pool },
    close: () => pool.end(),
  };
}
