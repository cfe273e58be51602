import { PushError } from '../../contracts/errors.js';
import type { CatchUp } from './catch-up.js';

/** How many topics of one connection may wait to be added. A catch-up that has lost all of its topics counts as one. */
const maxWaiting = 1_000;

/** The catch-ups of a cursor, in the order of their turns. Most connections have none, most of the time. */
export class CatchUpQueue {
  private catchUps: Set<CatchUp> | undefined;
  /** Those that wait for their snapshots. The others do not wait for them. */
  private loading: Set<CatchUp> | undefined;
  /** The catch-ups of each topic or pattern: a client may ask for the same one several times. */
  private byPattern: Map<string, Set<CatchUp>> | undefined;
  private waiting = 0;

  get first(): CatchUp | undefined {
    return this.catchUps?.values().next().value;
  }

  get size(): number {
    return (this.catchUps?.size ?? 0) + (this.loading?.size ?? 0);
  }

  /** How many topics and patterns there are, each counted once. */
  get topicCount(): number {
    return this.byPattern?.size ?? 0;
  }

  /** Topics and patterns, each once. */
  get patterns(): Iterable<string> {
    return this.byPattern?.keys() ?? [];
  }

  [Symbol.iterator](): Iterator<CatchUp> {
    return [...(this.catchUps ?? []), ...(this.loading ?? [])].values();
  }

  has(pattern: string): boolean {
    return this.byPattern?.has(pattern) ?? false;
  }

  /** @throws PushError `LIMIT_EXCEEDED` if so many more topics are too many */
  assertRoom(topics: number): void {
    if (this.waiting + topics <= maxWaiting) return;
    const advice = 'Read what comes, and wait for the earlier ones first.';
    throw new PushError('LIMIT_EXCEEDED', `More than ${maxWaiting} topics wait to be added. ${advice}`);
  }

  push(catchUp: CatchUp): void {
    const catchUps = catchUp.isLoading ? (this.loading ??= new Set()) : (this.catchUps ??= new Set());
    const byPattern = (this.byPattern ??= new Map<string, Set<CatchUp>>());
    catchUps.add(catchUp);
    this.waiting += placesOf(catchUp);
    for (const pattern of catchUp.track.patterns) {
      const same = byPattern.get(pattern);
      if (same) same.add(catchUp);
      else byPattern.set(pattern, new Set([catchUp]));
    }
  }

  /** Takes out the first one: it has caught up. */
  shift(): void {
    const { first, catchUps } = this;
    if (!first || !catchUps) return;
    catchUps.delete(first);
    if (catchUps.size === 0) this.catchUps = undefined;
    this.forget(first);
  }

  /** Takes out one that waits for its snapshots. */
  drop(catchUp: CatchUp): void {
    if (this.loading?.delete(catchUp)) this.forget(catchUp);
    if (this.loading?.size === 0) this.loading = undefined;
  }

  /** Those whose snapshots are there by now have their turns after the others. */
  settle(): void {
    for (const catchUp of this.loading ?? []) {
      if (catchUp.isLoading) continue;
      this.loading!.delete(catchUp);
      (this.catchUps ??= new Set()).add(catchUp);
    }
    if (this.loading?.size === 0) this.loading = undefined;
  }

  /** Those that wait for their snapshots. */
  get unloaded(): Iterable<CatchUp> {
    return this.loading ?? [];
  }

  /** Gives up the snapshots that are still loaded. */
  cancel(): void {
    for (const { load } of this.loading ?? []) load?.cancel();
  }

  /** Takes a topic or pattern out of all catch-ups that have it. */
  delete(pattern: string): void {
    const same = this.byPattern?.get(pattern);
    if (!same) return;
    this.byPattern!.delete(pattern);
    for (const catchUp of same) {
      this.waiting -= placesOf(catchUp);
      catchUp.delete(pattern);
      this.waiting += placesOf(catchUp);
    }
  }

  private forget(catchUp: CatchUp): void {
    this.waiting -= placesOf(catchUp);
    for (const pattern of catchUp.track.patterns) {
      const same = this.byPattern!.get(pattern)!;
      same.delete(catchUp);
      if (same.size === 0) this.byPattern!.delete(pattern);
    }
    if (this.size === 0) this.byPattern = undefined;
  }
}

function placesOf({ track }: CatchUp): number {
  return Math.max(track.size, 1);
}
