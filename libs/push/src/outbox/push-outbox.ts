import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { DeclaredTopic, PayloadOf, PushTopics } from '../bus/declared-topics.js';
import { draftOf } from '../bus/draft.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import { PushError } from '../contracts/errors.js';
import { inSchema } from '../postgres/quoted.js';
import { FailedRows, type FailedEvent, type WaitingCounts } from './failed-rows.js';
import { OutboxDatabase } from './outbox-database.js';
import { OutboxLog } from './outbox-log.js';
import type { OutboxSettings } from './outbox.options.js';
import { publishSql } from './publish-functions.js';
import { Relay } from './relay.js';
import { rowOptionsOf, type RowOptions } from './row-draft.js';
import { transactionOf, type OutboxTransaction } from './transactions/transaction-of.js';

/** Injects the options of the outbox with their defaults. */
export const outboxSettings = Symbol('OutboxSettings');

/** How an event is published in a transaction: as by `EventBus.publish`, but never `ephemeral`. */
export interface OutboxPublishOptions extends RowOptions {
  /**
   * Whether the event comes in the order of the transactions that publish to its topic: it waits until those that came first are
   * over, and others wait until this one is. Default: `false`; then what committed before this call comes first, and transactions
   * at the same time have no order.
   */
  readonly ordered?: boolean;
}

/** What there is of an outbox. */
export interface OutboxStats extends WaitingCounts {
  /** Whether this node is the one that relays now. */
  readonly isRelay: boolean;
}

/**
 * Publishes in the transactions of the application: what is rolled back is never published, and what is committed is published
 * once. See docs/outbox.md for what that means.
 */
@Injectable()
export class PushOutbox<Topics = PushTopics>
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy
{
  private readonly database: OutboxDatabase;
  private readonly failures: FailedRows;
  private readonly relay: Relay;
  private readonly sqlOfPublish: string;

  constructor(
    @Inject(outboxSettings) private readonly settings: OutboxSettings,
    @Inject(OutboxLog) private readonly log: OutboxLog,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
  ) {
    const { schema } = settings;
    this.database = new OutboxDatabase(settings);
    this.failures = new FailedRows(this.database, schema);
    this.relay = new Relay(settings, this.database, log, (error) => this.reportFailure(error));
    this.sqlOfPublish = inSchema(schema, publishSql);
  }

  /**
   * Publishes `data` (anything JSON) to everyone who may see `topic`, when the transaction commits. It inserts a row: await it before
   * you commit. There is no id yet.
   *
   * @param tx the transaction: see {@link OutboxTransaction}
   * @throws PushError (the promise rejects, no SQL was run) `INVALID_TOPIC`, `INVALID_TYPE`, `INVALID_OPTION`,
   * `DATA_NOT_SERIALIZABLE`, `DATA_TOO_LARGE`; else what the database or its client says: the transaction cannot commit then
   */
  publish<const Topic extends string>(
    tx: OutboxTransaction,
    topic: DeclaredTopic<Topics, Topic>,
    data: PayloadOf<Topics, Topic>,
    options?: OutboxPublishOptions,
  ): Promise<void>;
  async publish(
    tx: OutboxTransaction,
    topic: string,
    data: unknown,
    options: OutboxPublishOptions = {},
  ): Promise<void> {
    const { ordered = false, ...rest } = options;
    const runner = transactionOf(tx);
    if ((rest as { readonly ephemeral?: unknown }).ephemeral)
      throw new PushError(
        'INVALID_OPTION',
        'An ephemeral event is not stored. Publish it with EventBus, after the commit.',
      );
    const { data: json } = draftOf(topic, data, rest, this.log.rules);
    const { notify } = this.settings;
    await this.log.create({ topic, data: json, meta: rest.meta }, (meta) =>
      runner.query(this.sqlOfPublish, [topic, json, rowOptionsOf({ ...rest, meta }), ordered, notify]),
    );
  }

  /** The SQL that makes the outbox's schema, for those who run it themselves. It changes nothing where it is there. */
  sql(): string {
    return this.database.sql;
  }

  /** Makes the outbox's schema where it is not there. Any number of processes may do it at the same time. */
  migrate(): Promise<void> {
    return this.database.migrate();
  }

  /** Events that cannot be published, oldest first. @param limit the most of them */
  failed(limit = 100): Promise<FailedEvent[]> {
    return this.failures.list(limit);
  }

  /** Tries to publish such an event again. Returns whether there was one. @param id of the `FailedEvent` */
  retry(id: string): Promise<boolean> {
    return this.failures.retry(id);
  }

  /** Forgets such an event. Returns whether there was one. @param id of the `FailedEvent` */
  discard(id: string): Promise<boolean> {
    return this.failures.discard(id);
  }

  /** What waits, and who relays. It asks the database. */
  async stats(): Promise<OutboxStats> {
    return { isRelay: this.relay.isHeld, ...(await this.failures.counts()) };
  }

  /** Makes the schema. A server that is away is waited for by the relay. */
  async onModuleInit(): Promise<void> {
    try {
      await this.database.ready();
    } catch (error) {
      if (isOfSql(error)) throw error;
      this.reportFailure(error);
    }
  }

  onApplicationBootstrap(): void {
    if (this.settings.relay) this.relay.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.relay.stop();
    await this.database.close();
  }

  private reportFailure(error: unknown): void {
    this.errors.report(error, { stage: 'outbox' });
  }
}

/** Whether the server has answered, and says that the statement is wrong or not allowed. */
function isOfSql(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(42|3F|22|0A)/.test(code);
}
