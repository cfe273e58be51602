/**
 * Message ids, and the sequence of the event that each first published. They grow old by generations, two of them, so
 * that remembering one costs the same however many there are.
 */
export class MessageIds {
  private young = new Map<string, number>();
  private old = new Map<string, number>();
  private born: number;

  /**
   * @param milliseconds how long an id is remembered: so long at least, unless there are too many
   * @param limit how many are remembered at most, 2 or more; when it is reached, the older half goes
   * @param now clock in milliseconds, for tests
   */
  constructor(
    private readonly milliseconds: number,
    private readonly limit: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.born = now();
  }

  get(messageId: string): number | undefined {
    return this.young.get(messageId) ?? this.old.get(messageId);
  }

  set(messageId: string, sequence: number): void {
    const now = this.now();
    const age = now - this.born;
    if (age >= this.milliseconds || this.young.size + 1 > this.limit / 2) {
      // What is younger than the time to remember is in the young generation, or was in it when that began.
      this.old = age >= 2 * this.milliseconds ? new Map() : this.young;
      this.young = new Map();
      this.born = now;
    }
    this.young.set(messageId, sequence);
  }
}
