import { refused } from './refused.js';
import type { SqlRunner, SqlValue, Unrecognized } from './sql-runner.js';

/** A transaction of Kysely, controlled or not. */
export interface KyselyTransaction {
  readonly isTransaction: true;
  executeQuery(query: never): PromiseLike<unknown>;
}

/** A statement as Kysely compiles it: the node is for its plugins and logs. */
interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  readonly query: {
    readonly kind: 'RawNode';
    readonly sqlFragments: readonly string[];
    readonly parameters: [];
  };
  readonly queryId: { readonly queryId: string };
}

interface Database {
  readonly isTransaction: boolean;
  executeQuery(query: CompiledQuery): PromiseLike<unknown>;
}

/** Kysely, and the transactions of MikroORM 7, which are Kysely's. */
export function kyselyTransaction(tx: Unrecognized): SqlRunner | undefined {
  if (typeof tx.executeQuery !== 'function' || typeof tx.isTransaction !== 'boolean') return undefined;
  const database = tx as unknown as Database;
  if (!database.isTransaction)
    throw refused(
      'the database of Kysely itself',
      'Pass the trx of db.transaction().execute(async (trx) => …), or of db.startTransaction().execute().',
    );
  return { query: async (text, values) => database.executeQuery(compiled(text, values)) };
}

function compiled(sql: string, parameters: readonly SqlValue[]): CompiledQuery {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: 'nestjs-push' },
  };
}
