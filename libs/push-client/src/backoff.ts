/**
 * The delay before the next attempt: random, up to a bound that doubles each time ("full jitter"). Clients that lost their
 * connections together then reconnect at different times.
 */
export class Backoff {
  /** The first bound, in milliseconds. The server may set it (`retry`). */
  base = 1_000;
  #attempt = 0;

  /** @param max the last bound, in milliseconds */
  constructor(readonly max: number) {}

  next(): number {
    return Math.random() * Math.min(this.max, this.base * 2 ** this.#attempt++);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
