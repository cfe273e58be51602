import { DataSource, type EntityManager, type Repository } from 'typeorm';
import { Order } from './typeorm.entity.js';
import { Orders } from './typeorm.example.js';
import { expectRolledBack, RolledBack, type Orm } from './orm.js';

export async function openTypeOrm(url: string): Promise<Orm<EntityManager>> {
  const dataSource = await new DataSource({ type: 'postgres', url, entities: [Order] }).initialize();
  return {
    transaction: (work) => dataSource.transaction(work),
    savepoint: (before, inside) =>
      dataSource.transaction(async (manager) => {
        await before(manager);
        await manager
          .transaction(async (nested) => {
            await inside(nested);
            throw new RolledBack();
          })
          .catch(expectRolledBack);
      }),
    insert: (manager, id) => manager.insert(Order, { id, status: 'open' }),
    example: (outbox) => new Orders(dataSource, outbox),
    outside: {
      DataSource: dataSource,
      'EntityManager of the DataSource': dataSource.manager,
      Repository: dataSource.getRepository(Order),
    },
    close: () => dataSource.destroy(),
  };
}

/** With a `Repository` of the transaction's manager. */
export async function openRepository(url: string): Promise<Orm<Repository<Order>>> {
  const orm = await openTypeOrm(url);
  return {
    transaction: (work) => orm.transaction((manager) => work(manager.getRepository(Order))),
    savepoint: (before, inside) =>
      orm.savepoint(
        (manager) => before(manager.getRepository(Order)),
        (manager) => inside(manager.getRepository(Order)),
      ),
    insert: (repository, id) => repository.insert({ id, status: 'open' }),
    outside: { Repository: orm.outside['Repository']! },
    close: () => orm.close(),
  };
}
