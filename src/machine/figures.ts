import { cpus, freemem, loadavg, totalmem } from 'node:os';
import type { IntervalHistogram } from 'node:perf_hooks';

/** What the machine and this process are doing. */
export interface Figures {
  /** When they were taken, in milliseconds since 1970. */
  readonly at: number;
  /** Processes that run or want to, on average. */
  readonly load: {
    readonly oneMinute: number;
    readonly fiveMinutes: number;
    readonly fifteenMinutes: number;
    /** How many can run at the same time. */
    readonly cores: number;
  };
  /** In bytes. */
  readonly memory: {
    readonly total: number;
    readonly used: number;
    /** Of which this process has so much. */
    readonly process: number;
  };
  /** How much later than asked the event loop ran its timers since the last figures, in milliseconds. */
  readonly delay: { readonly mean: number; readonly p99: number; readonly max: number };
  /** Push connections that are open. */
  readonly connections: number;
}

declare module 'nestjs-push' {
  interface PushTopics {
    'machine.figures': Figures;
  }
}

/** How often the event loop is timed, in milliseconds. */
export const delayResolution = 10;

const cores = cpus().length;
const total = totalmem();

/** Takes the figures; the histogram starts anew. */
export function takeFigures(delays: IntervalHistogram, connections: number): Figures {
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

/** The histogram holds the time between two looks at the clock, in nanoseconds; `NaN` if there was none. */
function lateness(nanoseconds: number): number {
  const late = nanoseconds / 1e6 - delayResolution;
  return Number.isFinite(late) && late > 0 ? Math.round(late * 100) / 100 : 0;
}
