/**
 * A set that finds its oldest member in constant time. A plain `Set` does not: a new iterator of it first skips the slots of
 * all members that were deleted.
 */
export class OrderedSet<T extends object> {
  private readonly members = new Set<T>();
  private iterator = this.members.values();
  private oldest: T | undefined;

  get size(): number {
    return this.members.size;
  }

  /** Adds a member as the newest. A member that is in the set already keeps its place. */
  add(member: T): void {
    this.members.add(member);
  }

  /** Returns whether it was there. */
  delete(member: T): boolean {
    if (this.oldest === member) this.oldest = undefined;
    return this.members.delete(member);
  }

  /** The member that has been in the set for longest. */
  get first(): T | undefined {
    while (!this.oldest && this.members.size > 0) {
      const next = this.iterator.next();
      // An iterator that has ended stays at its end, even if members are added later.
      if (next.done) this.iterator = this.members.values();
      else this.oldest = next.value;
    }
    return this.oldest;
  }
}
