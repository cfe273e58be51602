import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOfPostgresJs, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { Pool } from 'pg';
import postgres from 'postgres';
import { orders } from './drizzle.schema.js';
import { Orders } from './drizzle.example.js';
import { expectRolledBack, RolledBack, type Orm } from './orm.js';

type TransactionOf<Database extends NodePgDatabase | PostgresJsDatabase> = Parameters<
  Parameters<Database['transaction']>[0]
>[0];

export function openDrizzle(url: string): Orm<TransactionOf<NodePgDatabase>> {
  const pool = new Pool({ connectionString: url });
  const db = drizzle(pool);
  return {
    transaction: (work) => db.transaction(work),
    savepoint: (before, inside) =>
      db.transaction(async (tx) => {
        await before(tx);
        const part = tx.transaction(async (nested) => {
          await inside(nested);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: async (tx, id) => tx.insert(orders).values({ id, status: 'open' }),
    example: (outbox) => new Orders(db, outbox),
    outside: { database: db },
    close: () => pool.end(),
  };
}

export function openDrizzleOfPostgresJs(url: string): Orm<TransactionOf<PostgresJsDatabase>> {
  const client = postgres(url, { onnotice: () => undefined });
  const db = drizzleOfPostgresJs(client);
  return {
    transaction: (work) => db.transaction(work),
    savepoint: (before, inside) =>
      db.transaction(async (tx) => {
        await before(tx);
        const part = tx.transaction(async (nested) => {
          await inside(nested);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: async (tx, id) => tx.insert(orders).values({ id, status: 'open' }),
    outside: { database: db },
    close: () => client.end(),
  };
}
