/**
 * A set that gives back its oldest member in constant time. (The iterator of a plain Set begins with a walk over the
 * places of all that were deleted.)
 */
export class OrderedSet<T extends object> {
  private readonly members = new Set<T>();
  private walk = this.members.values();
  private oldest: T | undefined;

  get size(): number {
    return this.members.size;
  }

  /** Adds a member as the newest; one that is in the set keeps its place. */
  add(member: T): void {
    this.members.add(member);
  }

  /** Returns whether it was there. */
  delete(member: T): boolean {
    if (this.oldest === member) this.oldest = undefined;
    return this.members.delete(member);
  }

  /** The member that has been here for longest. */
  get first(): T | undefined {
    while (!this.oldest && this.members.size > 0) {
      const next = this.walk.next();
      // An iterator that has come to its end once stays there.
      if (next.done) this.walk = this.members.values();
      else this.oldest = next.value;
    }
    return this.oldest;
  }
}
