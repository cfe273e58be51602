/** What may be in an `OrderedSet`, in one at a time: it has its place there with it. Only the sets change these. */
export interface SetMember<T extends SetMember<T>> {
  set: OrderedSet<T> | undefined;
  older: T | undefined;
  newer: T | undefined;
}

/**
 * A set in the order in which its members came. They are linked with each other: to come and go takes no look-up in a table,
 * which would not be in the CPU's caches where there are many members.
 */
export class OrderedSet<T extends SetMember<T>> {
  private oldest: T | undefined;
  private newest: T | undefined;
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The member that has been in the set for longest. */
  get first(): T | undefined {
    return this.oldest;
  }

  /** Adds a member, which is in no other set, as the newest. A member that is in this set already keeps its place. */
  add(member: T): void {
    if (member.set === this) return;
    const { newest } = this;
    member.set = this;
    member.older = newest;
    if (newest) newest.newer = member;
    else this.oldest = member;
    this.newest = member;
    this.count++;
  }

  /** Returns whether it was there. */
  delete(member: T): boolean {
    if (member.set !== this) return false;
    const { older, newer } = member;
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.newest = older;
    member.set = member.older = member.newer = undefined;
    this.count--;
    return true;
  }
}
