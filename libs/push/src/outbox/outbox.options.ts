import type { Client, ClientConfig } from 'pg';
import {
  boolean,
  checkOptions,
  milliseconds,
  number,
  longestTimer,
  type Checks,
} from '../contracts/option-checks.js';
import { placeChecks, schemaName } from '../postgres/place.js';

/** What a connection is for: everything that is asked, or what the server says by itself. */
export type OutboxPurpose = 'asking' | 'listening';

/** What `PushOutboxModule.forRoot()` takes. Everything has a default; say where Postgres is with `url` or `connect`. */
export interface PushOutboxOptions {
  /**
   * The database of your transactions: `postgres://user:password@host:5432/database`. It may lead to PgBouncer, in any mode.
   * Default: as `pg` has it, from `PGHOST` and so on.
   */
  readonly url?: string;
  /**
   * The same database without a pooler, for the one connection that listens (`LISTEN`): needed where `url` leads to a pooler that
   * gives connections away after each transaction. Without it, the relay finds rows by polling there. Default: `url`.
   */
  readonly direct?: string;
  /** More about the connections: credentials, TLS, as `pg` takes them. */
  readonly options?: ClientConfig;
  /** Makes each of the outbox's two connections, instead of `url`. The outbox connects and closes what this returns. */
  readonly connect?: (purpose: OutboxPurpose) => Client;
  /** The schema with the outbox's tables. Letters, digits and `_`, 40 at most. Default: `push_outbox`. */
  readonly schema?: string;
  /**
   * Whether a node makes the schema where it is not there. Without it, run what `PushOutbox.sql()` returns, and grant the rights
   * that docs/outbox.md lists. Default: `true`.
   */
  readonly migrate?: boolean;
  /** Whether this node may be the one that relays. `false` for processes that only publish. Default: `true`. */
  readonly relay?: boolean;
  /**
   * Whether `publish` wakes the relay when the transaction commits (`NOTIFY`). Postgres lets one transaction at a time commit that
   * notifies: see docs/outbox.md. Without it, the relay finds rows by polling. Default: `true`.
   */
  readonly notify?: boolean;
  /** How often the relay looks for rows that it was not told of, and other nodes for a relay that is gone, in milliseconds. Default: 500. */
  readonly pollInterval?: number;
  /** How long a relay that is not heard of keeps its place, in milliseconds: 1,000 or more. It is released at once at shutdown. Default: 10,000. */
  readonly lease?: number;
}

/** The options with their defaults. */
export type OutboxSettings = PushOutboxOptions &
  Required<Pick<PushOutboxOptions, 'schema' | 'migrate' | 'relay' | 'notify' | 'pollInterval' | 'lease'>>;

const checks: Checks<PushOutboxOptions> = {
  ...placeChecks,
  schema: schemaName,
  migrate: boolean,
  relay: boolean,
  notify: boolean,
  pollInterval: milliseconds,
  lease: number({ least: 1_000, most: longestTimer, whole: false, of: 'milliseconds' }),
};

/** @throws PushError `INVALID_OPTION` */
export function outboxSettingsOf(options: PushOutboxOptions): OutboxSettings {
  checkOptions(options, checks);
  return {
    ...options,
    schema: options.schema ?? 'push_outbox',
    migrate: options.migrate ?? true,
    relay: options.relay ?? true,
    notify: options.notify ?? true,
    pollInterval: options.pollInterval ?? 500,
    lease: options.lease ?? 10_000,
  };
}
