/** How long one turn of the event loop may be spent on clients that come in and on their messages, in milliseconds. */
const slice = 10;

/**
 * Lets clients in, and has their messages handled, at the speed at which the event loop stays responsive: in a storm, what
 * does not fit into this turn waits for the next, in order. The queue is bounded by the sockets that are open.
 */
export class TurnQueue {
  private turnBegan: number | undefined;
  private readonly waiting: (() => void)[] = [];

  /** `undefined`: go ahead. Otherwise resolves when it is one's turn. */
  pass(): Promise<void> | undefined {
    if (this.waiting.length === 0 && this.hasTime()) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private hasTime(): boolean {
    if (this.turnBegan === undefined) {
      this.turnBegan = performance.now();
      setImmediate(this.nextTurn);
      return true;
    }
    return performance.now() - this.turnBegan < slice;
  }

  private readonly nextTurn = (): void => {
    this.turnBegan = undefined;
    // What one client costs is not known here, since it goes on after this: so many, then everyone else's turn again.
    const admitted = this.waiting.splice(0, 16);
    if (admitted.length === 0) return;
    this.turnBegan = performance.now();
    setImmediate(this.nextTurn);
    admitted.forEach((resolve) => resolve());
  };
}
