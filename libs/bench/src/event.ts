/*
 * The event that everyone sends: JSON of a fixed length, so that the load generator can verify five million of them a
 * second. `n` counts the events of a run, `t` is when it was published, `p` fills it up.
 */

export interface BenchEvent {
  /** Number of the event in its run, 12 digits. */
  readonly n: string;
  /** Microseconds of the machine's monotonic clock, which all processes share, 16 digits. */
  readonly t: string;
  readonly p: string;
}

export const marker = Buffer.from('{"n":"');
export const numberDigits = 12;
/** From the number's last digit to the time's first. */
export const numberToTime = Buffer.from('","t":"').length;
export const timeDigits = 16;
export const ending = Buffer.from(`","p":"${'~'.repeat(26)}"}`);
export const eventBytes = marker.length + numberDigits + numberToTime + timeDigits + ending.length;

const padding = '~'.repeat(26);

export function benchEvent(number: number): BenchEvent {
  return {
    n: String(number).padStart(numberDigits, '0'),
    t: String(microseconds()).padStart(timeDigits, '0'),
    p: padding,
  };
}

/** Microseconds of the machine's monotonic clock. */
export function microseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanoseconds / 1e3);
}
