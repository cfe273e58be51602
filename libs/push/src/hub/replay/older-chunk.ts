import type { HistoryPage } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import { encodingCost } from '../window/entry-reader.js';
import type { PageQuery } from './history-reader.js';

/** The newest events of a topic up to a sequence, as pages of the backplane bring them: from the oldest of them on. */
export class OlderChunk {
  /** Oldest first; only the newest of them if they are too many bytes. */
  events: LogEvent[] = [];
  private after = 0;
  private bytes = 0;
  private trimmed = 0;

  /**
   * @param count how many are asked for
   * @param mostBytes of data that is kept
   */
  constructor(
    private readonly topic: string,
    private readonly through: number,
    private count: number,
    private readonly mostBytes: number,
  ) {}

  /** The next page. */
  get query(): PageQuery {
    const { topic, after, through, count } = this;
    return { topics: [topic], after, through, newest: count };
  }

  /** Whether all pages have come. */
  get isComplete(): boolean {
    return this.after >= this.through;
  }

  /** Whether there are no older ones. */
  get hasAll(): boolean {
    return this.events.length + this.trimmed < this.count;
  }

  /** Takes a page. Returns what that cost, in units of work. */
  add({ events, through }: HistoryPage): number {
    let cost = 0;
    for (const event of events) {
      if (event.sequence <= this.after || event.sequence > this.through) continue;
      this.events.push(event);
      this.bytes += event.data.length;
      cost += encodingCost(event);
    }
    this.after = Math.min(through, this.through);
    if (this.isComplete || !this.askForFewer()) this.trim();
    return cost;
  }

  /** Where the events turn out to be large, far fewer of them than were asked for are needed. Begins again with those. */
  private askForFewer(): boolean {
    const fewer = Math.max(16, Math.ceil((2 * this.mostBytes * this.events.length) / this.bytes));
    if (!(fewer < this.count / 2)) return false;
    this.count = fewer;
    this.events = [];
    this.after = this.bytes = this.trimmed = 0;
    return true;
  }

  private trim(): void {
    while (this.events.length > 1 && this.bytes - this.events[0]!.data.length >= this.mostBytes) {
      this.bytes -= this.events.shift()!.data.length;
      this.trimmed++;
    }
  }
}
