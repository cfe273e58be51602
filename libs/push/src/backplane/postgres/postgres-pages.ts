import type { HistoryQuery } from '../../contracts/backplane.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import type { EntriesRow } from './entries.js';
import type { Names } from './names.js';
import type { Ranges } from './patterns.js';
import { separator } from './schema.js';

/** About how many bytes of events a page has. */
const bytesOfPage = 256 * 1024;

/** How many entries beside the log a page looks at. */
const keptOfPage = 4_000;

/** What the server's functions return. */
export interface PageRow extends EntriesRow {
  /** How far it was read. */
  readonly reached: string;
  /** Up to here the log is gone. */
  readonly floor: string;
  /** The server's time. */
  readonly clock: string;
}

/** The same of what is kept beside the log. */
export interface KeptRow extends PageRow {
  /** A character for each entry. */
  readonly kinds: string | null;
  /** The exact topics that something is kept of, and what was taken away of each. */
  readonly present: Readonly<Record<string, number>> | null;
  /** Rules, and up to where their removals were dropped. */
  readonly floors: Readonly<Record<string, number>> | null;
}

/** Calls the functions of the history: each is one question. */
export class PostgresPages {
  constructor(
    private readonly link: PostgresLink,
    private readonly names: Names,
  ) {}

  /** The topics of the log in these ranges; `undefined` if there are more than `most`. */
  async topicsBetween({ lows, highs }: Ranges, most: number): Promise<string[] | undefined> {
    const sql = `SELECT ${this.names.schema}.topics_between($1, $2, $3) AS topics`;
    const { rows } = await this.link.query<{ topics: string | null }>(sql, [lows, highs, most]);
    const topics = rows[0]!.topics;
    if (topics === null) return undefined;
    return topics === '' ? [] : topics.split(separator);
  }

  /** The events of topics, merged. */
  ofTopics(
    epoch: string,
    topics: readonly string[],
    { after, through, limit }: HistoryQuery,
  ): Promise<PageRow> {
    // Twice the fair share: most pages then are full.
    const each = Math.min(limit, Math.ceil((limit * 2) / Math.max(1, topics.length))) + 1;
    return this.ask('read_topics', [epoch, topics, after, through, each, limit, bytesOfPage]);
  }

  /** The newest events of topics, merged. */
  newestOf(
    epoch: string,
    topics: readonly string[],
    { after, through, limit }: HistoryQuery,
    newest: number,
  ): Promise<PageRow> {
    return this.ask('read_newest', [epoch, topics, after, through, newest, limit, bytesOfPage]);
  }

  /** The events that match, of so many entries of the log. */
  scan(
    epoch: string,
    filter: string | undefined,
    { after, through, limit }: HistoryQuery,
    { entries, newest }: { entries: number; newest: boolean },
  ): Promise<PageRow> {
    return this.ask('scan', [epoch, filter ?? null, after, through, entries, newest, limit, bytesOfPage]);
  }

  /** What is kept beside the log. */
  kept(
    epoch: string,
    exact: readonly string[],
    filter: string | null,
    { after, through, limit, newest }: HistoryQuery,
  ): Promise<KeptRow> {
    const isNewest = newest !== undefined;
    return this.ask('read_kept', [
      epoch,
      exact,
      filter,
      after,
      through,
      keptOfPage,
      isNewest,
      limit,
      bytesOfPage,
    ]);
  }

  private async ask<Row extends PageRow>(name: string, values: unknown[]): Promise<Row> {
    const places = values.map((_, index) => `$${index + 1}`).join(', ');
    const { rows } = await this.link.query<Row>(
      `SELECT * FROM ${this.names.schema}.${name}(${places})`,
      values,
    );
    return rows[0]!;
  }
}
