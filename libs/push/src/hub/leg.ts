import type { GapReason } from '../contracts/connection.js';
import type { LogEvent } from '../contracts/event.js';
import { covers } from '../contracts/topic.js';
import { TopicSet } from './topic-set.js';
import type { Window } from './window.js';

/** A way through the log that a cursor takes for some of its topics: what they have got, and how they go on. */
export class Leg {
  /** Said once, before anything else: the position that was asked for is not in this log. */
  notice: GapReason | undefined;
  /** Only the newest event of each topic is wanted. */
  newestOnly = false;
  /** Has had its turn, and `before` its call. */
  begun = false;
  /** Called with the id of where it begins, before anything of it is delivered. */
  before: ((id: string) => void) | undefined;
  /** Called with the id of where it ends: from there on its topics are the connection's like all others. */
  onLive: ((id: string) => void) | undefined;
  /** Patterns that an earlier leg delivers, each from its sequence on: their events are not repeated. */
  already: ReadonlyMap<string, number> | undefined;
  /** What the reader knows to be lost, by pattern. */
  private readonly told = new Map<string, number>();
  /** Of these topics only the newest event is still wanted, until the cursor is live again. */
  private conflated: TopicSet | undefined;

  constructor(
    public topics: TopicSet,
    /** Everything of the topics up to here is delivered, or told to be lost. */
    public sequence: number,
    /** Why events would be missing. */
    readonly reason: GapReason,
  ) {}

  /** Those of the topics whose next events the window may no longer have. */
  missing(window: Window): string[] {
    return this.topics.patterns.filter((pattern) => window.lostThrough(pattern) > this.sequence);
  }

  /** Those of `missing` that the reader does not know of. */
  untold(window: Window, missing: readonly string[]): string[] {
    return missing.filter((pattern) => window.lostThrough(pattern) > (this.told.get(pattern) ?? 0));
  }

  /** Notes that the reader knows what `patterns` have lost so far. */
  tell(window: Window, patterns: readonly string[]): void {
    for (const pattern of patterns) this.told.set(pattern, window.lostThrough(pattern));
  }

  conflate(patterns: readonly string[]): void {
    if (patterns.length > 0)
      this.conflated = new TopicSet([...(this.conflated?.patterns ?? []), ...patterns]);
  }

  /** Forgets what only mattered while it was behind. */
  caughtUp(): void {
    this.told.clear();
    this.conflated = undefined;
  }

  wants(event: LogEvent, window: Window): boolean {
    if (this.already && delivers(this.already, event)) return false;
    return !this.conflated?.has(event.topic) || window.isNewest(event);
  }
}

/** Whether one of the patterns, each from its sequence on, brings `event`. */
export function delivers(patterns: ReadonlyMap<string, number>, event: LogEvent): boolean {
  for (const [pattern, since] of patterns) {
    if (event.sequence > since && covers(pattern, event.topic)) return true;
  }
  return false;
}
