/** Buckets for each power of two: values are told apart to about 1.5 %. */
const precision = 64;

/** Counts values from 0 to 2^40 at a constant relative precision. */
export class Histogram {
  private readonly buckets = new Uint32Array(precision * 36);
  private count = 0;

  add(value: number): void {
    this.buckets[bucketOf(Math.max(0, Math.floor(value)))]!++;
    this.count++;
  }

  reset(): void {
    this.buckets.fill(0);
    this.count = 0;
  }

  /** The value that `share` (0 to 1) of all values do not exceed. */
  percentile(share: number): number {
    let left = Math.ceil(this.count * share);
    for (let bucket = 0; bucket < this.buckets.length; bucket++) {
      left -= this.buckets[bucket]!;
      if (left <= 0) return valueOf(bucket);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  if (value < precision) return value;
  const exponent = Math.floor(Math.log2(value)) - 6;
  return precision * exponent + Math.floor(value / 2 ** exponent);
}

function valueOf(bucket: number): number {
  if (bucket < 2 * precision) return bucket;
  const exponent = Math.floor(bucket / precision) - 1;
  return (bucket - precision * exponent) * 2 ** exponent;
}
