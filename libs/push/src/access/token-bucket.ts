import type { Rate } from './limits.js';

/** Counts what somebody takes, against a rate. */
export class TokenBucket {
  private tokens: number;
  private at = performance.now();

  constructor(private readonly rate: Rate) {
    this.tokens = rate.burst;
  }

  /** Takes `count` tokens, or none. Returns whether they were there. */
  take(count = 1): boolean {
    this.refill();
    if (count > this.tokens) return false;
    this.tokens -= count;
    return true;
  }

  /** In how many milliseconds it will be as good as new. */
  get untilFull(): number {
    this.refill();
    return this.tokens >= this.rate.burst
      ? 0
      : ((this.rate.burst - this.tokens) / this.rate.perSecond) * 1_000;
  }

  private refill(): void {
    const now = performance.now();
    if (now === this.at) return;
    this.tokens = Math.min(this.rate.burst, this.tokens + ((now - this.at) / 1_000) * this.rate.perSecond);
    this.at = now;
  }
}
