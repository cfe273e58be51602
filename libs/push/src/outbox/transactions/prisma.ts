import { refused } from './refused.js';
import type { SqlRunner, Unrecognized } from './sql-runner.js';

/** The client of an interactive transaction of Prisma. */
export interface PrismaTransaction {
  $executeRawUnsafe(text: string, ...values: never[]): PromiseLike<unknown>;
  /** A client that is no transaction has one. */
  readonly $connect?: never;
}

interface Client {
  $executeRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** Prisma. `$queryRawUnsafe` would fail: it cannot read the `void` that a function returns. */
export function prismaTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.$executeRawUnsafe !== 'function') return undefined;
  if (typeof tx.$connect === 'function')
    throw refused(
      'the client of Prisma itself',
      'Pass the tx of an interactive transaction: prisma.$transaction(async (tx) => …).',
    );
  const client = tx as unknown as Client;
  return { query: async (text, values) => client.$executeRawUnsafe(text, ...values) };
}
