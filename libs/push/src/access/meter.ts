import type { Rate } from './limits.js';
import { TokenBucket } from './token-bucket.js';

/** Counts usage against several rates. Each bucket is made on first use. */
export class Meter<Name extends string> {
  private readonly buckets = new Map<Name, TokenBucket>();

  constructor(private readonly rates: Readonly<Record<Name, Rate>>) {}

  /** The bucket of one of the rates. */
  of(name: Name): TokenBucket {
    let bucket = this.buckets.get(name);
    if (!bucket) this.buckets.set(name, (bucket = new TokenBucket(this.rates[name])));
    return bucket;
  }

  /** In how many milliseconds all buckets will be full. */
  get untilFull(): number {
    let longest = 0;
    for (const bucket of this.buckets.values()) longest = Math.max(longest, bucket.untilFull);
    return longest;
  }
}
