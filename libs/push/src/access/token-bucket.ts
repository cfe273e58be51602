import type { Rate } from './limits.js';

/** Counts what somebody takes, against a rate. */
export class TokenBucket {
  private tokens: number;
  private at = performance.now();

  constructor(private readonly rate: Rate) {
    this.tokens = rate.burst;
  }

  /**
   * Takes `count` tokens, or none. Returns whether they were there.
   *
   * @param credit so many more than there are may be taken, and are missing later
   */
  take(count = 1, credit = 0): boolean {
    this.refill();
    if (count > this.tokens + credit) return false;
    this.tokens -= count;
    return true;
  }

  /** Takes `count` tokens, whether they are there or not: what was done has to be paid for. */
  spend(count: number): void {
    this.refill();
    this.tokens -= count;
  }

  /** In how many milliseconds nothing will be owed any more; 0 if nothing is. */
  get delay(): number {
    return this.until(0);
  }

  /** In how many milliseconds it will be as good as new. */
  get untilFull(): number {
    return this.until(this.rate.burst);
  }

  private until(tokens: number): number {
    this.refill();
    return this.tokens >= tokens ? 0 : ((tokens - this.tokens) / this.rate.perSecond) * 1_000;
  }

  private refill(): void {
    const now = performance.now();
    if (now === this.at) return;
    this.tokens = Math.min(this.rate.burst, this.tokens + ((now - this.at) / 1_000) * this.rate.perSecond);
    this.at = now;
  }
}
