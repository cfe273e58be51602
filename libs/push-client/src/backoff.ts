/**
 * How long to wait before the next attempt: anything up to a bound that doubles each time ("full jitter"), so that
 * clients that were cut together do not come back together.
 */
export class Backoff {
  /** The first bound, in milliseconds; the server may set it (`retry`). */
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
