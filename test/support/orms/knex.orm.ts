import createKnex, { type Knex } from 'knex';
import { Orders } from './knex.example.js';
import { expectRolledBack, RolledBack, type Orm } from './orm.js';

export function openKnex(url: string): Orm<Knex.Transaction> {
  const knex = createKnex({ client: 'pg', connection: url });
  return {
    transaction: (work) => knex.transaction(work),
    savepoint: (before, inside) =>
      knex.transaction(async (trx) => {
        await before(trx);
        const part = trx.transaction(async (nested) => {
          await inside(nested);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: async (trx, id) => trx('orders').insert({ id, status: 'open' }),
    example: (outbox) => new Orders(knex, outbox),
    outside: { instance: knex },
    close: () => knex.destroy(),
  };
}
