/** What is known of the lease of another node. */
interface Observed {
  /** The newest event of its topic; `undefined` if it has none: its node has left, or died before it could renew. */
  id: string | undefined;
  /** When its newest renewal came, on this node's clock. */
  seen: number;
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
   * @param duration of a lease, in milliseconds
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

  /** The newest event of a lease's topic, as far as this node knows. */
  idOf(incarnation: string): string | undefined {
    return this.leases.get(incarnation)?.id;
  }

  /** A lease was renewed, or taken over; without an id, it was given up. Its time begins again. */
  note(incarnation: string, id: string | undefined): void {
    this.leases.set(incarnation, { id, seen: this.now() });
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
   * able to renew either, so that all of them begin again.
   */
  prove(sentAt: number): readonly string[] {
    const before = this.provenAt ?? sentAt;
    const wasAway = this.now() - sentAt > this.duration / 3 || sentAt - before > (2 * this.duration) / 3;
    if (wasAway) this.renewAll();
    this.provenAt = sentAt;
    const lapsed: string[] = [];
    for (const [incarnation, { seen }] of this.leases)
      if (sentAt - seen > this.duration) lapsed.push(incarnation);
    return lapsed;
  }
}
