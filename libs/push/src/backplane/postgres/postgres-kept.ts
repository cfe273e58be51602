import type { HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { isWildcard, overlaps } from '../../contracts/topic.js';
import { readBody } from '../kit/event-body.js';
import { Matcher } from '../kit/matcher.js';
import { entriesOf } from './entries.js';
import { filterOf } from './patterns.js';
import type { KeptRow, PostgresPages } from './postgres-pages.js';

/** A page of what is kept beside the log. */
export interface KeptPage extends HistoryPage {
  /** Of its events: the log may have them too. */
  readonly sequences: ReadonlySet<number>;
  /** Exact topics of the query, and before which sequence their events are taken away. */
  readonly cleared: ReadonlyMap<string, number>;
}

/** The page of a log beside which nothing is kept. */
export function nothingKept({ through }: HistoryQuery): KeptPage {
  return { events: [], through, lost: new Map(), sequences: new Set(), cleared: new Map() };
}

/** Reads states and ends, which outlive the log. Of states only removals that were dropped are lost. */
export class PostgresKept {
  constructor(
    private readonly pages: PostgresPages,
    private readonly retention: RetentionRules,
  ) {}

  async page(epoch: string, query: HistoryQuery): Promise<KeptPage> {
    const exact = query.topics.filter((topic) => !isWildcard(topic));
    const wildcards = query.topics.filter(isWildcard);
    // An empty expression matches every topic.
    const filter = wildcards.length > 0 ? (filterOf(wildcards) ?? '') : null;
    const row = await this.pages.kept(epoch, exact, filter, query);
    const matcher = new Matcher(query.topics);
    const events: LogEvent[] = [];
    for (const [index, { sequence, topic, body }] of entriesOf(row).entries()) {
      if (this.isKept(topic, row.kinds![index]!) && matcher.has(topic))
        events.push(readBody(epoch, sequence, topic, body));
      const paused = matcher.pause();
      if (paused) await paused;
    }
    return {
      events,
      through: Number(row.reached),
      lost: query.newest === undefined ? this.lost(query, row) : new Map(),
      sequences: new Set(events.map(({ sequence }) => sequence)),
      cleared: new Map(Object.entries(row.present ?? {})),
    };
  }

  /** What a topic was by the rules of those who published to it, it may not be any more. */
  private isKept(topic: string, kind: string): boolean {
    const { state, ends } = this.retention.of(topic);
    return kind === 's' || kind === 'r' ? state !== undefined : ends !== undefined;
  }

  /** Patterns of which removals were dropped. */
  private lost({ topics, after }: HistoryQuery, { present, floors }: KeptRow): Map<string, number> {
    const rules = Object.entries(floors ?? {});
    const lost = new Map<string, number>();
    for (const topic of topics) {
      if (!this.retention.state || this.retention.state.among(topic) === 'none') continue;
      if (present && Object.hasOwn(present, topic)) continue;
      const known = rules.filter(([rule]) => overlaps(rule, topic)).map(([, floor]) => floor);
      const sequence = Math.max(0, ...known);
      if (sequence > after) lost.set(topic, sequence);
    }
    return lost;
  }
}
