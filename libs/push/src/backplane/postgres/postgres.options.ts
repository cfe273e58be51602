import type { Client, ClientConfig } from 'pg';
import { boolean, checkOptions, milliseconds, number, type Checks } from '../../contracts/option-checks.js';
import { waitChecks, type WaitLimits } from '../kit/append-queue.js';
import { placeChecks, schemaName } from '../../postgres/place.js';

/** What a connection is for: events that are stored, events that are read, everything else, and what the server says by itself. */
export type PostgresPurpose = 'publishing' | 'reading' | 'asking' | 'listening';

/** What `postgresBackplane()` takes. Everything has a default; say where Postgres is with `url` or `connect`. */
export interface PostgresBackplaneOptions extends WaitLimits {
  /** `postgres://user:password@host:5432/database`. It may lead to PgBouncer, in any mode. Default: as `pg` has it, from `PGHOST` and so on. */
  readonly url?: string;
  /**
   * The same database without a pooler, for the one connection that listens (`LISTEN`): needed where `url` leads to a pooler that
   * gives connections away after each transaction. Default: `url`.
   */
  readonly direct?: string;
  /** More about the connections: credentials, TLS, as `pg` takes them. */
  readonly options?: ClientConfig;
  /** Makes each of the backplane's four connections, instead of `url`. The backplane connects and closes what this returns. */
  readonly connect?: (purpose: PostgresPurpose) => Client;
  /** The schema with the log's tables, and nothing else: one log for each. Letters, digits and `_`, 40 at most. Default: `nestjs_push`. */
  readonly schema?: string;
  /**
   * Whether a node makes the schema where it is not there. Without it, run what `PostgresBackplane.sql()` returns, and grant the
   * node's role what it needs. Default: `true`.
   */
  readonly migrate?: boolean;
  /**
   * How long the log keeps what topics no longer promise, in milliseconds. A client that was away for longer is told that it may
   * have missed something. Default: 86,400,000 (a day), and at least twice the longest `age` of the module's retention.
   */
  readonly remember?: number;
  /** How many events the log keeps; of more, the oldest go before their time, a part of the log at once. Default: 10,000,000. */
  readonly maxEvents?: number;
  /** How long a `messageId` is remembered, in milliseconds, as long as the log has its event. Default: 3,600,000 (one hour). */
  readonly rememberMessageIds?: number;
  /** How often a node looks for events that it was not told of, in milliseconds: what it waits at most while nothing can be heard. Default: 500. */
  readonly pollInterval?: number;
}

const checks: Checks<PostgresBackplaneOptions> = {
  ...waitChecks,
  ...placeChecks,
  schema: schemaName,
  migrate: boolean,
  remember: number({ least: 1, whole: false, of: 'milliseconds' }),
  maxEvents: number({ least: 1, of: 'events' }),
  rememberMessageIds: number({ least: 1, whole: false, of: 'milliseconds' }),
  pollInterval: milliseconds,
};

/** @throws PushError `INVALID_OPTION` */
export function checkPostgresOptions(options: PostgresBackplaneOptions): void {
  checkOptions(options, checks);
}
