/** How long one turn of the event loop may admit clients and handle their messages, in milliseconds. */
const timeSlice = 10;

/** How many waiters continue in one turn at most, if there is time. What they do later, for example after a policy has answered, is not counted. */
const batchSize = 16;

/**
 * Limits how many clients are admitted, and how many of their messages are handled, in one turn of the event loop, so that
 * the loop stays responsive in a connection storm. The rest waits for the next turn, in order. The number of open sockets
 * bounds the queue.
 */
export class TurnQueue {
  private turnBegan: number | undefined;
  private readonly waiting: (() => void)[] = [];

  /** How many wait for their turn. */
  get size(): number {
    return this.waiting.length;
  }

  /**
   * Returns `undefined` if the caller may go on at once, else a promise that resolves when its turn comes. For callers that
   * come one after the other, each from a callback of its own: the time that one took is known when the next one comes.
   */
  wait(): Promise<void> | undefined {
    if (this.waiting.length === 0 && this.hasTime()) return undefined;
    return this.next();
  }

  /** Resolves when its turn comes. For callers that all come at the same moment. */
  next(): Promise<void> {
    this.hasTime();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** From the first call on, a turn is under way. */
  private hasTime(): boolean {
    if (this.turnBegan === undefined) {
      this.turnBegan = performance.now();
      setImmediate(this.nextTurn);
      return true;
    }
    return performance.now() - this.turnBegan < timeSlice;
  }

  private readonly nextTurn = (): void => {
    const count = Math.min(batchSize, this.waiting.length);
    if (count === 0) {
      this.turnBegan = undefined;
      return;
    }
    // Node runs what one of them does at once before the next immediate: so it is known how long it took.
    for (let n = 0; n < count; n++) setImmediate(n === 0 ? this.admitFirst : this.admit);
    setImmediate(this.nextTurn);
  };

  private readonly admitFirst = (): void => {
    this.turnBegan = performance.now();
    this.waiting.shift()?.();
  };

  private readonly admit = (): void => {
    if (performance.now() - this.turnBegan! < timeSlice) this.waiting.shift()?.();
  };
}
