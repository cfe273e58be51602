import { PushError } from '../../contracts/errors.js';
import type { Join } from './join.js';

/** How many topics of one connection may wait for their turn to be added; a join that lost all of its own counts too. */
const maxWaiting = 1_000;

/** The joins of a cursor, in the order of their turns. Most connections have none, most of the time. */
export class JoinQueue {
  private joins: Set<Join> | undefined;
  /** Which have a topic or pattern: one may be asked for several times. */
  private byPattern: Map<string, Set<Join>> | undefined;
  private waiting = 0;

  get first(): Join | undefined {
    return this.joins?.values().next().value;
  }

  get size(): number {
    return this.joins?.size ?? 0;
  }

  /** How many topics and patterns they have, each counted once. */
  get topicCount(): number {
    return this.byPattern?.size ?? 0;
  }

  /** Topics and patterns, each once. */
  get patterns(): Iterable<string> {
    return this.byPattern?.keys() ?? [];
  }

  [Symbol.iterator](): Iterator<Join> {
    return (this.joins ?? []).values();
  }

  has(pattern: string): boolean {
    return this.byPattern?.has(pattern) ?? false;
  }

  /** @throws PushError `LIMIT_EXCEEDED` if there are too many to wait for so many more topics */
  assertRoom(topics: number): void {
    if (this.waiting + topics <= maxWaiting) return;
    const advice = 'Read what comes, and wait for the earlier ones first.';
    throw new PushError('LIMIT_EXCEEDED', `More than ${maxWaiting} topics wait to be added. ${advice}`);
  }

  push(join: Join): void {
    const joins = (this.joins ??= new Set());
    const byPattern = (this.byPattern ??= new Map<string, Set<Join>>());
    joins.add(join);
    this.waiting += placesOf(join);
    for (const pattern of join.leg.patterns) {
      const same = byPattern.get(pattern);
      if (same) same.add(join);
      else byPattern.set(pattern, new Set([join]));
    }
  }

  /** The first one has had its turn. */
  shift(): void {
    const { first, joins, byPattern } = this;
    if (!first || !joins || !byPattern) return;
    this.waiting -= placesOf(first);
    joins.delete(first);
    if (joins.size === 0) {
      this.joins = this.byPattern = undefined;
      return;
    }
    for (const pattern of first.leg.patterns) {
      const same = byPattern.get(pattern)!;
      same.delete(first);
      if (same.size === 0) byPattern.delete(pattern);
    }
  }

  /** Takes a topic or pattern from all that have it. */
  delete(pattern: string): void {
    const same = this.byPattern?.get(pattern);
    if (!same) return;
    this.byPattern!.delete(pattern);
    for (const join of same) {
      this.waiting -= placesOf(join);
      join.leg.delete(pattern);
      this.waiting += placesOf(join);
    }
  }
}

function placesOf({ leg }: Join): number {
  return Math.max(leg.size, 1);
}
