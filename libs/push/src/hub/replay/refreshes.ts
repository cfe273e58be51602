/** When a connection may be brought fresh snapshots after gaps: at most once in an interval. */
export class Refreshes {
  private earliest = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private readonly owed = new Set<string>();

  /**
   * @param interval in milliseconds
   * @param bring is told of the topics that could not have theirs at once, when they may
   */
  constructor(
    private readonly interval: number,
    private readonly bring: (topics: ReadonlySet<string>) => void,
  ) {}

  /** Whether these topics may have fresh snapshots now. Otherwise they have them later. */
  take(topics: readonly string[]): boolean {
    const now = performance.now();
    if (now >= this.earliest) {
      this.earliest = now + this.interval;
      return true;
    }
    for (const topic of topics) this.owed.add(topic);
    this.timer ??= setTimeout(() => this.pay(), this.earliest - now).unref();
    return false;
  }

  /** Brings nothing any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.owed.clear();
  }

  private pay(): void {
    const topics = new Set(this.owed);
    this.stop();
    this.earliest = performance.now() + this.interval;
    this.bring(topics);
  }
}
