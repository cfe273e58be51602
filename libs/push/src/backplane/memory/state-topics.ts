import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import { printPosition, type Position } from '../../contracts/position.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { conflictOf, expectNone, isRemoval } from '../../contracts/state.js';
import { isReserved } from '../../contracts/topic.js';

/** Counted for a state besides its texts: the event, and its topic's places in maps. */
const overhead = 640;

/** How many removals are looked at for each event: they go sooner than others come. */
const looksAtOnce = 8;

/** The newest event of a state topic. */
interface Newest {
  readonly id: string;
  readonly bytes: number;
  /** For a removal: when it is forgotten, on the monotonic clock. */
  readonly expires?: number;
}

/** What a log in memory has to know of its state topics: what `expect` compares with, and how much memory they take. */
export class StateTopics {
  private readonly newest = new Map<string, Newest>();
  /** Topics whose newest event is a removal, oldest first. */
  private readonly removed = new Set<string>();
  /** Goes round through them, and looks for those that are too old. */
  private round = this.removed.values();
  private bytes = 0;
  private removedBytes = 0;

  /** @param now clock in milliseconds, for tests */
  constructor(
    private readonly rules: Pick<RetentionRules, 'of' | 'state'> | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** How many topics it knows, removed ones included. */
  get size(): number {
    return this.newest.size;
  }

  /**
   * Notes an event that is stored at `position`, if its topic is a state topic.
   *
   * @returns why it must not be stored: `CONFLICT` or `LIMIT_EXCEEDED`
   */
  take(draft: Draft, position: Position): PushError | undefined {
    if (!this.rules?.state) return undefined;
    const { state } = this.rules.of(draft.topic);
    if (!state) return undefined;
    this.forgetOld();
    const { topic } = draft;
    const current = this.current(topic);
    if (!holds(draft.expect, current)) return conflictOf(draft, current?.id);
    // What nodes own does not count: the bound is for the application's own state.
    const bytes = isReserved(topic) ? 0 : bytesOf(draft);
    const isRemoved = isRemoval(draft);
    const others = this.bytes - this.removedBytes - (current && !current.expires ? current.bytes : 0);
    const limit = this.rules?.state?.bytes ?? Infinity;
    if (!isRemoved && bytes > (current?.bytes ?? 0) && others + bytes > limit) return fullError(limit);
    this.forget(topic);
    const expires = isRemoved ? this.now() + state.tombstones : undefined;
    this.note(topic, { id: printPosition(position), bytes, expires });
    while (this.bytes > limit && this.removed.size > 0) this.forgetOldestRemoval();
    return undefined;
  }

  private current(topic: string): Newest | undefined {
    const newest = this.newest.get(topic);
    if (newest?.expires === undefined || newest.expires > this.now()) return newest;
    this.forget(topic);
    return undefined;
  }

  private note(topic: string, newest: Newest): void {
    this.newest.set(topic, newest);
    this.bytes += newest.bytes;
    if (newest.expires === undefined) return;
    this.removed.add(topic);
    this.removedBytes += newest.bytes;
  }

  private forget(topic: string): void {
    const newest = this.newest.get(topic);
    if (!newest) return;
    this.newest.delete(topic);
    this.bytes -= newest.bytes;
    if (this.removed.delete(topic)) this.removedBytes -= newest.bytes;
  }

  private forgetOldestRemoval(): void {
    for (const topic of this.removed) {
      this.forget(topic);
      return;
    }
  }

  private forgetOld(): void {
    for (let look = 0; look < looksAtOnce; look++) {
      const { value: topic, done } = this.round.next();
      if (done) {
        this.round = this.removed.values();
        return;
      }
      this.current(topic);
    }
  }
}

function holds(expect: string | undefined, current: Newest | undefined): boolean {
  if (expect === undefined) return true;
  if (expect === expectNone) return current === undefined || current.expires !== undefined;
  return expect === current?.id;
}

function bytesOf({ topic, data, meta }: Draft): number {
  const more = meta ? JSON.stringify(meta).length * 4 : 0;
  return overhead + topic.length + Buffer.byteLength(data) + more;
}

function fullError(limit: number): PushError {
  const message = `The state topics take ${limit} bytes, which is all that retention.stateBytes allows.`;
  return new PushError(
    'LIMIT_EXCEEDED',
    `${message} Remove some, give their rule a ttl, or raise the limit.`,
  );
}
