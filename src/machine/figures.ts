import { cpus, freemem, loadavg, totalmem } from 'node:os';
import type { IntervalHistogram } from 'node:perf_hooks';

/** Figures about the machine and this process. */
export interface Figures {
  /** When the figures were measured, in milliseconds since 1970. */
  readonly at: number;
  /** The average number of running and runnable processes. */
  readonly load: {
    readonly oneMinute: number;
    readonly fiveMinutes: number;
    readonly fifteenMinutes: number;
    /** How many processes can run at the same time. */
    readonly cores: number;
  };
  /** In bytes. */
  readonly memory: {
    readonly total: number;
    readonly used: number;
    /** The memory that this process uses. */
    readonly process: number;
  };
  /** How late the event loop ran its timers since the last figures, in milliseconds. */
  readonly delay: { readonly mean: number; readonly p99: number; readonly max: number };
  /** The number of open push connections. */
  readonly connections: number;
}

declare module 'nestjs-push' {
  interface PushTopics {
    'machine.figures': Figures;
  }
}

/** How often the event-loop delay is sampled, in milliseconds. */
export const delayResolution = 10;

const cores = cpus().length;
const total = totalmem();

/** Measures the figures, and resets the histogram. */
export function measureFigures(delays: IntervalHistogram, connections: number): Figures {
  const [oneMinute = 0, fiveMinutes = 0, fifteenMinutes = 0] = loadavg();
  const figures: Figures = {
    at: Date.now(),
    load: { oneMinute, fiveMinutes, fifteenMinutes, cores },
    memory: { total, used: total - freemem(), process: process.memoryUsage.rss() },
    delay: {
      mean: lateness(delays.mean),
      p99: lateness(delays.percentile(99)),
      max: lateness(delays.max),
    },
    connections,
  };
  delays.reset();
  return figures;
}

/** Converts a value of the histogram, which is the time between two samples in nanoseconds; `NaN` without samples. */
function lateness(nanoseconds: number): number {
  const late = nanoseconds / 1e6 - delayResolution;
  return Number.isFinite(late) && late > 0 ? Math.round(late * 100) / 100 : 0;
}
