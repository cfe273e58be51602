import type { History, HistoryPage, HistoryQuery, LogEvent, RetentionRules } from 'nestjs-push';
import { Matcher, readBody } from 'nestjs-push/backplane-kit';
import type { FileLog } from './file-log.js';
import type { Entry, Line } from './line-index.js';

/** Pages of the file: a page is what one read brings. */
export class FileHistory implements History {
  constructor(
    private readonly log: FileLog,
    private readonly retention: RetentionRules,
  ) {}

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { epoch } = this.log.opened();
    const matcher = new Matcher(query.topics);
    const { lines, through } = query.newest
      ? await this.newest(query, query.newest)
      : await this.log.linesAfter(query.after);
    const { newest } = await this.log.upToDate();
    const events: LogEvent[] = [];
    const lost = new Map<string, number>();
    for (const { end, entry } of lines) {
      if (end > query.through || events.length === query.limit) break;
      const { topic, body } = entry;
      // Health checks have none.
      if (!topic || !matcher.has(topic)) continue;
      // Of a state topic there is the newest event alone.
      const isState = this.retention.of(topic).state !== undefined;
      if (isState && newest.get(topic)?.findLast((line) => line.end <= query.through)?.end !== end) continue;
      if (this.isRetained(entry)) events.push(readBody(epoch, end, topic, body!));
      else if (!query.newest) matcher.addLoss(lost, topic, end);
    }
    const isFull = events.length === query.limit;
    return { events, through: isFull ? events.at(-1)!.sequence : Math.min(through, query.through), lost };
  }

  /** The newest lines of each topic, in log order. */
  private async newest(
    { after, through }: HistoryQuery,
    count: number,
  ): Promise<{ lines: Line[]; through: number }> {
    const { newest } = await this.log.upToDate();
    const lines = [...newest.values()].flatMap((own) =>
      (count === 1 ? own.slice(-1) : own)
        .filter(({ end }) => end <= through)
        .slice(-count)
        .filter(({ end }) => end > after),
    );
    return { lines: lines.sort((a, b) => a.end - b.end), through };
  }

  private isRetained({ topic = '', at = 0, removed }: Entry): boolean {
    const { events, age, state } = this.retention.of(topic);
    if (state) return !removed || at + state.tombstones > Date.now();
    return events > 0 && at + age > Date.now();
  }
}
