import { strict as assert } from 'node:assert';
import type { LogEvent } from '../../src/contracts/event.js';
import { covers } from '../../src/contracts/topic.js';
import type { Log } from './model-log.js';

interface Told {
  readonly reason: string;
  /** What the notice covers. */
  readonly through: number;
  /** How many events were delivered before. */
  readonly after: number;
}

/** What an interest accounts for, as of a moment. */
interface Past {
  /** Up to here it had only newest events. */
  readonly stateThrough: number;
  accountsFor(event: LogEvent): boolean;
  /** Whether it was gone before "earliest" began, which is not told. */
  accepted(event: LogEvent): boolean;
}

/** One pattern of one client, from its begin until it is taken back or the client drops. */
export class Interest {
  readonly events: LogEvent[] = [];
  readonly told: Told[] = [];
  /** Events of interests that were live when it began. */
  had: ReadonlySet<LogEvent> = new Set();
  /** Of those, what does not come again. */
  hadPast: ReadonlySet<LogEvent> = new Set();
  /** What others accounted for that were live when it began: that is not brought or told again. */
  others: readonly Past[] = [];
  /** Lost events up to here are no news. */
  exempt = 0;
  /** Up to here, only the newest events of each topic are wanted; while it is not known how far, of all. */
  newestThrough = 0;
  /** How many of them. */
  newestCount = 1;
  /** Up to here it was given the newest events only, for it was slow. */
  latestThrough = 0;
  /** What is gone before it gets anything is no news. */
  isLenient = false;
  private isSettled = false;
  private isLive = false;
  private readonly lostBefore: number;

  constructor(
    readonly log: Log,
    readonly pattern: string,
    readonly after: number,
  ) {
    this.lostBefore = log.known;
  }

  wants(event: LogEvent): boolean {
    return event.sequence > this.after && covers(this.pattern, event.topic);
  }

  /** What the client has of it: delivered for it, or for others before. */
  get brought(): LogEvent[] {
    return [...this.events, ...[...this.had].filter((event) => this.wants(event))];
  }

  /** As far as it does not come again: what came as the newest of its topic is state, and may be asked for as the past. */
  get past(): LogEvent[] {
    return this.brought.filter(({ sequence }) => sequence > this.stateThrough);
  }

  private get stateThrough(): number {
    return Math.max(this.newestThrough, this.latestThrough);
  }

  take(event: LogEvent): void {
    assert.equal(event, this.log.events[event.sequence - 1], 'of this log');
    assert(event.sequence > this.after, `${this.pattern}: ${event.id} is not after ${this.after}`);
    const last = this.events.at(-1)?.sequence ?? 0;
    assert(event.sequence > last, `${this.pattern}: ${event.id} came after ${last}`);
    this.events.push(event);
  }

  /** By now it is known what there was when it began to be read. */
  settle(): void {
    if (this.isLenient && !this.isSettled && this.log.history)
      this.exempt = this.log.lostThrough(this.pattern);
    this.isSettled = true;
  }

  /** It has reached the others, who are at `sequence`. */
  arrive(sequence: number): void {
    assert((this.events.at(-1)?.sequence ?? 0) <= sequence, 'not further than the others');
    this.isLive = true;
    if (this.newestThrough < Infinity) return;
    this.newestThrough = sequence;
    for (const event of this.events) assert(this.isNewest(event), `${event.id} is not among the newest`);
  }

  /** Whether it has lost something that it was not told yet. */
  hasNews(): boolean {
    const before = Math.max(this.after, this.events.at(-1)?.sequence ?? 0);
    if (this.log.history) return this.isLostBehind(before) && this.told.length < this.noticesAllowed;
    return this.isLostBehind(Math.max(before, this.exempt, ...this.told.map(({ through }) => through)));
  }

  private isLostBehind(sequence: number): boolean {
    const isNews = (event: LogEvent) => !this.log.isExact || !this.isKnown(event);
    return [...this.log.lost].some(
      (event) => event.sequence > sequence && this.wants(event) && (this.log.history ? true : isNews(event)),
    );
  }

  /** Whether the client has it, or was told of its loss, by others, as a part of the log and not as the newest of its topic. */
  private isKnown(event: LogEvent): boolean {
    if (this.hadPast.has(event)) return true;
    // Once it is live, it is told of what all lose from there on.
    if (this.isLive) return false;
    // A later notice covers what was accepted before, too; that it is told once more to another pattern is no mistake.
    return this.others.some(
      (other) => event.sequence > other.stateThrough && other.accountsFor(event) && !other.accepted(event),
    );
  }

  /** What is told was read a while ago: more notices may come, but for each something was lost since then. */
  private get noticesAllowed(): number {
    const since = [...this.log.lost].slice(this.lostBefore).filter((event) => this.wants(event));
    return since.length + (this.isLenient ? 0 : 1);
  }

  tell(reason: string, isLatest: boolean): void {
    const isBad = ['malformed', 'epoch', 'future'].includes(reason);
    if (isBad) assert.equal(this.told.length + this.events.length, 0, `${reason}: first, and once`);
    const isAll = isLatest || this.log.isCareless;
    const through = isAll ? this.log.shown : this.log.lostThrough(this.pattern);
    if (isLatest) this.latestThrough = through;
    this.told.push({ reason, through, after: this.events.length });
  }

  private isNewest(event: LogEvent): boolean {
    return this.newerThan(event, this.newestThrough) < this.newestCount;
  }

  /** A history that is asked for the newest event of a topic has only that: one that came meanwhile will do. */
  private isReplaced(event: LogEvent): boolean {
    return this.log.history !== undefined && this.newerThan(event) >= this.newestCount;
  }

  /** How many newer events its topic has had, up to a sequence. */
  private newerThan({ topic, sequence }: LogEvent, through?: number): number {
    return this.log.events.slice(sequence, through).filter((event) => event.topic === topic).length;
  }

  /** Whether it was not asked for: an older one than the newest, or one that was gone before "earliest" began. */
  private isExempt(event: LogEvent): boolean {
    const isLost = this.log.lost.has(event);
    if (event.sequence <= this.newestThrough && (isLost || !this.isNewest(event) || this.isReplaced(event)))
      return true;
    return event.sequence <= this.exempt && isLost;
  }

  /** What it accounts for by now. */
  get pastNow(): Past {
    const told = [...this.told];
    return {
      stateThrough: this.stateThrough,
      accountsFor: (event) => this.accountsFor(event, told),
      accepted: (event) => this.isLenient && event.sequence <= this.exempt && this.log.lost.has(event),
    };
  }

  /** Whether the client got it, or was told that it is lost. What others need not bring is not brought by that. */
  private accountsFor(event: LogEvent, told: readonly Told[] = this.told): boolean {
    if (!this.wants(event)) return false;
    if (this.events.includes(event) || this.had.has(event)) return true;
    const isCovered = ({ through, after }: Told) =>
      event.sequence <= through &&
      !this.events
        .slice(0, after)
        .some(({ topic, sequence }) => topic === event.topic && sequence > event.sequence);
    return told.some(isCovered) || this.others.some((other) => other.accountsFor(event));
  }

  /** Everything up to `through` must have been delivered, or explained. */
  complete(through: number, isOwn: (event: LogEvent) => boolean): void {
    this.settle();
    for (const event of this.log.events.slice(this.after, through)) {
      if (isOwn(event) || !this.wants(event)) continue;
      assert(
        this.isExempt(event) || this.accountsFor(event),
        `${this.pattern} misses ${event.id} of ${event.topic}`,
      );
    }
  }
}
