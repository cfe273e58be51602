import { TokenBucket } from '../access/token-bucket.js';

/** What it takes to compress, in milliseconds: each time, and for each byte that can hardly be compressed. */
const cost = { once: 0.03, byte: 18e-6 };

/** How many milliseconds of each second may be spent for one reader each, and how many may be saved up. */
const rate = { perSecond: 125, burst: 25 };

/**
 * Bounds what compression costs this node. It takes the same time for two readers as for many: where each two read something else, it
 * would take more than all the rest. So it is charged by reader, and when little is left, larger audiences get it. What is not
 * compressed goes out as it is.
 */
export class CompressionBudget {
  private readonly bucket = new TokenBucket(rate);

  /** Whether so many bytes may be compressed for so many readers. Then they are charged. */
  take(bytes: number, readers: number): boolean {
    const own = (cost.once + cost.byte * bytes) / readers;
    const reserve = rate.burst / (readers + 1);
    return this.bucket.take(own, own - reserve);
  }
}
