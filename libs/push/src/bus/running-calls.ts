/** Calls of the application's own functions that have not settled. What they reject with is reported. */
export class RunningCalls {
  private readonly running = new Set<Promise<void>>();

  constructor(readonly report: (error: unknown) => void) {}

  /** How many have not settled. */
  get size(): number {
    return this.running.size;
  }

  add(call: Promise<unknown>): void {
    const settled = call.then(() => undefined, this.report).finally(() => this.running.delete(settled));
    this.running.add(settled);
  }

  /** Resolves when those that run now have settled. */
  async settled(): Promise<void> {
    await Promise.all(this.running);
  }
}
