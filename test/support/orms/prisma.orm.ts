import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient, type PrismaTransaction } from './prisma.client.js';
import { Orders } from './prisma.example.js';
import { expectRolledBack, RolledBack, type Orm } from './orm.js';

export function openPrisma(url: string): Orm<PrismaTransaction> {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
  return {
    transaction: (work) => prisma.$transaction(work),
    savepoint: (before, inside) =>
      prisma.$transaction(async (tx) => {
        await before(tx);
        const part = tx.$transaction(async (nested) => {
          await inside(nested);
          throw new RolledBack();
        });
        await part.catch(expectRolledBack);
      }),
    insert: (tx, id) => tx.$executeRaw`INSERT INTO orders VALUES (${id}, 'open')`,
    example: (outbox) => new Orders(prisma, outbox),
    outside: { client: prisma },
    close: () => prisma.$disconnect(),
  };
}
