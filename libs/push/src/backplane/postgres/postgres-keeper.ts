import { setTimeout as delay } from 'node:timers/promises';
import type { RetentionRules } from '../../contracts/retention.js';
import type { LogNode } from '../kit/log-node.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import type { Names } from './names.js';
import type { PostgresLog } from './postgres-log.js';
import type { PostgresBackplaneOptions } from './postgres.options.js';
import { slots } from './schema.js';

const day = 86_400_000;

/** How long a node waits between two looks, in milliseconds: at what is kept beside the log, and at the log itself. */
const keptInterval = 500;
const logInterval = 5_000;

/** How many rows one call drops at most. */
const dropsAtOnce = 500;

/** Empties and drops what is too old. All nodes look; the server does it once. */
export class PostgresKeeper {
  private noted = '';

  constructor(
    private readonly node: LogNode,
    private readonly log: PostgresLog,
    private readonly link: PostgresLink,
    private readonly names: Names,
    private readonly options: PostgresBackplaneOptions,
  ) {}

  /** Looks until the node's signal is aborted. */
  async run(): Promise<void> {
    const { signal, retention } = this.node;
    const hasKept = retention.state !== undefined || retention.hasEnds === true;
    const interval = hasKept ? keptInterval : logInterval;
    for (let since = logInterval; !signal.aborted; since += interval) {
      await delay(interval, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || this.log.current?.epoch !== this.log.told) continue;
      const isDue = since >= logInterval;
      if (isDue) since = 0;
      try {
        await this.keep(isDue);
        this.noted = '';
      } catch (error) {
        this.note(error as Error);
      }
    }
  }

  /** Says, once, that nothing can be dropped. The reader reports what goes wrong with the server. */
  private note(error: Error): void {
    const { message, code } = error as Error & { readonly code?: unknown };
    // Errors of this class are about what the role may do, and what there is.
    if (!String(code).startsWith('42') || message === this.noted) return;
    this.noted = message;
    this.node.outage.note(`What is too old stays in Postgres, which fills its disk: ${message}`);
  }

  private async keep(isLogDue: boolean): Promise<void> {
    const { schema } = this.names;
    while ((await this.call(`SELECT ${schema}.drop_expired($1) AS result`, [dropsAtOnce])) === dropsAtOnce);
    if (!isLogDue) return;
    await this.call(`SELECT ${schema}.drop_batches(x'${this.node.id}'::bigint) AS result`, []);
    const { maxEvents = 10_000_000 } = this.options;
    const remember = rememberOf(this.options, this.node.retention);
    // One slot is written to, and one is being emptied.
    const parts = slots - 2;
    while (await this.call(`SELECT ${schema}.drop_oldest($1) AS result`, [remember]));
    const limits = [Math.ceil(maxEvents / parts), Math.ceil(remember / parts)];
    await this.call(`SELECT ${schema}.rotate($1, $2) AS result`, limits);
  }

  private async call(sql: string, values: number[]): Promise<unknown> {
    return (await this.link.query<{ result: unknown }>(sql, values)).rows[0]!.result;
  }
}

/** How long the log is kept, in milliseconds. */
export function rememberOf(
  { remember = day }: PostgresBackplaneOptions,
  { largest }: RetentionRules,
): number {
  return Math.ceil(Math.min(Math.max(remember, largest.age * 2), 1e14));
}
