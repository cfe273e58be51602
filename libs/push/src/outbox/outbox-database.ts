import type { Client, Notification, QueryResult, QueryResultRow } from 'pg';
import { isMissing } from '../postgres/migration.js';
import { clientOf } from '../postgres/place.js';
import { PostgresLink } from '../postgres/postgres-link.js';
import { inSchema, quoted } from '../postgres/quoted.js';
import type { OutboxPurpose, OutboxSettings } from './outbox.options.js';
import { migrationOf } from './schema.js';

/** How long making the tables may take, in milliseconds. */
const migrationPatience = 30_000;

const advice = 'Run what PushOutbox.sql() returns, or leave the option migrate out.';

/** The outbox's own connections: one that asks, and one that listens. Both are made when they are needed. */
export class OutboxDatabase {
  private readonly closing = new AbortController();
  private readonly asking: PostgresLink;
  private readonly listening: PostgresLink;
  private isMade: boolean;

  constructor(private readonly settings: OutboxSettings) {
    const link = (purpose: OutboxPurpose) =>
      new PostgresLink(() => clientOf<OutboxPurpose>(settings, purpose), advice, this.closing.signal);
    this.asking = link('asking');
    this.listening = link('listening');
    this.isMade = !settings.migrate;
  }

  /** What makes the schema. */
  get sql(): string {
    return migrationOf(this.settings.schema).sql;
  }

  /** Runs a statement in which `schema` stands for the schema. */
  async query<Row extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<QueryResult<Row>> {
    try {
      return await this.asking.query<Row>(inSchema(this.settings.schema, sql), values);
    } catch (error) {
      // Somebody has dropped the schema: it is made again when it is needed next.
      if (isMissing(error)) this.isMade = !this.settings.migrate;
      throw error;
    }
  }

  /** Makes the schema where this is wanted and was not done. */
  async ready(): Promise<void> {
    if (!this.isMade) await this.migrate();
  }

  async migrate(): Promise<void> {
    const migration = migrationOf(this.settings.schema);
    await this.asking.run((client) => migration.run(client), migrationPatience);
    this.isMade = true;
  }

  /**
   * Listens to what is said to the relay. Resolves when it does.
   *
   * @param onLost called when the connection is gone
   */
  listen(onMessage: (text: string) => void, onLost: () => void): Promise<void> {
    this.listening.onLost = onLost;
    return this.listening.run(async (client: Client) => {
      const hear = ({ payload = '' }: Notification) => onMessage(payload);
      client.removeAllListeners('notification').on('notification', hear);
      await client.query(`LISTEN ${quoted(this.settings.schema)}`);
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all([this.asking.close(), this.listening.close()]);
  }
}
