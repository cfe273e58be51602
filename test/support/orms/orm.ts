import type { OutboxTransaction, PushOutbox } from 'nestjs-push/outbox';

type Work<Tx> = (tx: Tx) => Promise<unknown>;

/** What the tests do with an ORM, in its own words. */
export interface Orm<Tx extends OutboxTransaction> {
  /** Commits; rolls back if `work` rejects, and rejects with its error. */
  transaction(work: Work<Tx>): Promise<unknown>;
  /** A transaction of which `inside` is rolled back to a savepoint, then committed. */
  savepoint(before: Work<Tx>, inside: Work<Tx>): Promise<unknown>;
  /** Adds an order that is `open`. */
  insert(tx: Tx, id: number): Promise<unknown>;
  /** Objects of the ORM that run statements, and not in a transaction. */
  readonly outside: Readonly<Record<string, object>>;
  /** The example of the documentation. */
  example?(outbox: PushOutbox): { pay(id: number): Promise<void> };
  close(): Promise<unknown>;
}

/** What a savepoint's work throws to be rolled back. */
export class RolledBack extends Error {}

/** Passes on what is no `RolledBack`. */
export function expectRolledBack(error: unknown): void {
  if (!(error instanceof RolledBack)) throw error;
}
