import postgres, { type TransactionSql } from 'postgres';
import { Orders } from './postgres-js.example.js';
import { expectRolledBack, RolledBack, type Orm } from './orm.js';

export function openPostgresJs(url: string): Orm<TransactionSql> {
  const root = postgres(url, { onnotice: () => undefined });
  return {
    transaction: (work) => root.begin(work),
    savepoint: (before, inside) =>
      root.begin(async (sql) => {
        await before(sql);
        const part = sql.savepoint(async (nested) => {
          await inside(nested);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: async (sql, id) => sql`INSERT INTO orders VALUES (${id}, 'open')`,
    example: (outbox) => new Orders(root, outbox),
    outside: { sql: root },
    close: () => root.end(),
  };
}
