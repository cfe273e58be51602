/** How long one turn of the event loop may admit clients and handle their messages, in milliseconds. */
const timeSlice = 10;

/** How many waiters continue in one turn. Their cost is not known here, because they go on after the queue lets them. */
const batchSize = 16;

/**
 * Limits how many clients are admitted, and how many of their messages are handled, in one turn of the event loop, so that
 * the loop stays responsive in a connection storm. The rest waits for the next turn, in order. The number of open sockets
 * bounds the queue.
 */
export class TurnQueue {
  private turnBegan: number | undefined;
  private readonly waiting: (() => void)[] = [];

  /** Returns `undefined` if the caller may go on at once, else a promise that resolves when its turn comes. */
  wait(): Promise<void> | undefined {
    if (this.waiting.length === 0 && this.hasTime()) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private hasTime(): boolean {
    if (this.turnBegan === undefined) {
      this.turnBegan = performance.now();
      setImmediate(this.nextTurn);
      return true;
    }
    return performance.now() - this.turnBegan < timeSlice;
  }

  private readonly nextTurn = (): void => {
    this.turnBegan = undefined;
    const admitted = this.waiting.splice(0, batchSize);
    if (admitted.length === 0) return;
    this.turnBegan = performance.now();
    setImmediate(this.nextTurn);
    admitted.forEach((resolve) => resolve());
  };
}
