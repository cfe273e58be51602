import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

/** How late the event loop was, in seconds. */
export interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Measures the delay of the event loop, from the first time that it is read. */
export class EventLoopDelay {
  private histogram: IntervalHistogram | undefined;

  /** @param resolution how often the delay is measured, in milliseconds */
  constructor(private readonly resolution = 10) {}

  /** The delay since it was read last; `undefined` if nothing was measured since. */
  read(): Delay | undefined {
    const { resolution } = this;
    if (!this.histogram) {
      this.histogram = monitorEventLoopDelay({ resolution });
      this.histogram.enable();
      return undefined;
    }
    const { histogram } = this;
    if (histogram.count === 0) return undefined;
    const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolution / 1_000);
    const delay = {
      p50: seconds(histogram.percentile(50)),
      p99: seconds(histogram.percentile(99)),
      max: seconds(histogram.max),
    };
    histogram.reset();
    return delay;
  }

  stop(): void {
    this.histogram?.disable();
    this.histogram = undefined;
  }
}
