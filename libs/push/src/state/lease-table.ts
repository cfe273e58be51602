/** What is known of the lease of another node. */
interface Observed {
  /** The newest event of its topic; `undefined` if it has none: its node has left, or died before it could renew. */
  id: string | undefined;
  /** When its newest renewal came, on this node's clock. */
  seen: number;
  /** How long it lasts without a renewal, in milliseconds, as its node has said last. */
  duration: number;
}

/**
 * Times the leases of other nodes, by this node's clock alone. Silence counts only as far as this node's log is proven to be
 * complete: by a renewal of its own that came back. Whatever others had stored before that one was sent has come before it.
 */
export class LeaseTable {
  private readonly leases = new Map<string, Observed>();
  /** When the newest renewal of its own that has come back was sent. */
  private provenAt: number | undefined;

  /**
   * @param duration of a lease whose node has not said any, in milliseconds
   * @param now monotonic clock in milliseconds
   */
  constructor(
    private readonly duration: number,
    private readonly now: () => number,
  ) {}

  /** How many nodes hold a lease, as far as this node knows. */
  get held(): number {
    let count = 0;
    for (const { id } of this.leases.values()) if (id !== undefined) count++;
    return count;
  }

  /** The shortest of the leases, in milliseconds; infinite if there are none. */
  get shortest(): number {
    let shortest = Infinity;
    for (const { duration } of this.leases.values()) shortest = Math.min(shortest, duration);
    return shortest;
  }

  /** The newest event of a lease's topic, as far as this node knows. */
  idOf(incarnation: string): string | undefined {
    return this.leases.get(incarnation)?.id;
  }

  /** For how long nothing of a lease may have come before it lapses, in milliseconds. */
  durationOf(incarnation: string): number {
    return this.leases.get(incarnation)?.duration ?? this.duration;
  }

  /**
   * A lease was renewed, or taken over; without an id, it was given up. Its time begins again.
   *
   * @param duration as its node says. Default: as it was
   */
  note(incarnation: string, id: string | undefined, duration = this.durationOf(incarnation)): void {
    this.leases.set(incarnation, { id, seen: this.now(), duration });
  }

  /** The log has something that this incarnation owns. If it has no lease, it gets the time of one. */
  mention(incarnation: string): void {
    if (!this.leases.has(incarnation)) this.note(incarnation, undefined);
  }

  forget(incarnation: string): void {
    this.leases.delete(incarnation);
  }

  /** The log is read from the beginning again. */
  clear(): void {
    this.leases.clear();
  }

  /** Counts everybody as renewed: this node could not see them, or has just started. */
  renewAll(): void {
    const now = this.now();
    for (const lease of this.leases.values()) lease.seen = now;
    this.provenAt = undefined;
  }

  /**
   * A renewal of this node's own, sent at `sentAt`, has come back. Returns the incarnations whose lease has lapsed by then.
   *
   * If it took long to come, or the one before was long ago, this node was paused or the log was away. Others may not have been
   * able to renew either, so that the leases that are short against that begin again.
   */
  prove(sentAt: number): readonly string[] {
    const now = this.now();
    const gap = sentAt - (this.provenAt ?? sentAt);
    this.provenAt = sentAt;
    const lapsed: string[] = [];
    for (const [incarnation, lease] of this.leases) {
      const { duration } = lease;
      const wasAway = now - sentAt > duration / 3 || gap > (2 * duration) / 3;
      if (wasAway) lease.seen = now;
      else if (sentAt - lease.seen > duration) lapsed.push(incarnation);
    }
    return lapsed;
  }
}
