/**
 * Detects a client that does not read the bytes that wait for it. Such a client costs little, but it would occupy its
 * connection for ever. Checked at every heartbeat.
 */
export class Stall {
  private since: number | undefined;

  /** @param timeout milliseconds */
  constructor(private readonly timeout: number) {}

  /** The client has read what waited. */
  clear(): void {
    this.since = undefined;
  }

  /** @param isFull whether bytes wait for the client */
  hasTimedOut(isFull: boolean): boolean {
    if (!isFull) this.since = undefined;
    else this.since ??= performance.now();
    return this.since !== undefined && performance.now() - this.since >= this.timeout;
  }
}
