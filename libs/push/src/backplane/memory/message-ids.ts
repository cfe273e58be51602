/** Message ids and the sequence of the event that each first published, for a time and up to a number. */
export class MessageIds {
  // A Map iterates in insertion order, which here is also the order of expiry.
  private readonly entries = new Map<string, { sequence: number; expires: number }>();

  constructor(
    private readonly milliseconds: number,
    private readonly limit: number,
  ) {}

  get(messageId: string): number | undefined {
    this.expire();
    return this.entries.get(messageId)?.sequence;
  }

  set(messageId: string, sequence: number): void {
    this.entries.set(messageId, { sequence, expires: Date.now() + this.milliseconds });
    this.expire();
  }

  private expire(): void {
    const now = Date.now();
    for (const [messageId, { expires }] of this.entries) {
      if (expires > now && this.entries.size <= this.limit) return;
      this.entries.delete(messageId);
    }
  }
}
