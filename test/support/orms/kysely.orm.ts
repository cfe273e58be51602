import { CamelCasePlugin, Kysely, PostgresDialect, type Transaction } from 'kysely';
import { Pool } from 'pg';
import { Orders, type Tables } from './kysely.example.js';
import type { Orm } from './orm.js';

export function openKysely(url: string): Orm<Transaction<Tables>> {
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }),
    plugins: [new CamelCasePlugin()],
  });
  return {
    transaction: (work) => db.transaction().execute(work),
    savepoint: async (before, inside) => {
      const trx = await db.startTransaction().execute();
      await before(trx);
      const part = await trx.savepoint('part').execute();
      await inside(part);
      await part.rollbackToSavepoint('part').execute();
      await trx.commit().execute();
    },
    insert: (trx, id) => trx.insertInto('orders').values({ id, status: 'open' }).execute(),
    example: (outbox) => new Orders(db, outbox),
    outside: { database: db },
    close: () => db.destroy(),
  };
}
