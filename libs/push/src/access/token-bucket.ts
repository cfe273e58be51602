import type { Rate } from './limits.js';

/** A token bucket: it limits a rate. */
export class TokenBucket {
  private tokens: number;
  private at = performance.now();

  constructor(private readonly rate: Rate) {
    this.tokens = rate.burst;
  }

  /**
   * Takes `count` tokens, or none. Returns whether there were enough.
   *
   * @param credit how far below zero the bucket may go
   */
  take(count = 1, credit = 0): boolean {
    this.refill();
    if (count > this.tokens + credit) return false;
    this.tokens -= count;
    return true;
  }

  /** Takes `count` tokens, even if there are not enough: the work is done already. */
  spend(count: number): void {
    this.refill();
    this.tokens -= count;
  }

  /** In how many milliseconds the bucket will no longer be below zero; 0 if it is not. */
  get delay(): number {
    return this.until(0);
  }

  /** In how many milliseconds the bucket will be full. */
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
