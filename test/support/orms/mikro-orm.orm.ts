import { MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { Order } from './mikro-orm.entity.js';
import { Orders } from './mikro-orm.example.js';
import { expectRolledBack, RolledBack, type Orm } from './orm.js';

export async function openMikroOrm(url: string): Promise<Orm<EntityManager>> {
  const orm = await MikroORM.init({ clientUrl: url, entities: [Order] });
  const fork = () => orm.em.fork();
  return {
    transaction: (work) => fork().transactional(work),
    savepoint: (before, inside) =>
      fork().transactional(async (em) => {
        await before(em);
        const part = em.transactional(async (nested) => {
          await inside(nested);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: (em, id) => em.insert(Order, { id, status: 'open' }),
    example: (outbox) => new Orders(fork(), outbox),
    outside: { EntityManager: orm.em, 'fork of the EntityManager': fork() },
    close: () => orm.close(),
  };
}

/** With the `EntityManager` that is injected: it finds the transaction by the context that it is called in. */
export async function openMikroOrmContext(url: string): Promise<Orm<EntityManager>> {
  const orm = await MikroORM.init({ clientUrl: url, entities: [Order] });
  const { em } = orm;
  return {
    transaction: (work) => em.transactional(() => work(em)),
    savepoint: (before, inside) =>
      em.transactional(async () => {
        await before(em);
        const part = em.transactional(async () => {
          await inside(em);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: (_, id) => em.insert(Order, { id, status: 'open' }),
    outside: { EntityManager: em },
    close: () => orm.close(),
  };
}
