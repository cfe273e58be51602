/**
 * Notices a client that takes nothing of what waits for it: it costs little, but it would hold its place for ever. Asked at
 * every heartbeat.
 */
export class Stall {
  private since: number | undefined;

  /** @param patience milliseconds */
  constructor(private readonly patience: number) {}

  /** It has taken what waited. */
  end(): void {
    this.since = undefined;
  }

  /** @param isFull whether something waits for the client */
  isTooLong(isFull: boolean): boolean {
    if (!isFull) this.since = undefined;
    else this.since ??= performance.now();
    return this.since !== undefined && performance.now() - this.since >= this.patience;
  }
}
