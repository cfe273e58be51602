/** How many steps are done before the clock is looked at again. A step takes some ten nanoseconds. */
const stepsPerCheck = 1024;

/** The part of a turn of the event loop that one kind of work may take. */
export class Slice {
  private deadline = 0;
  private steps = 0;

  /** @param length in milliseconds */
  constructor(private readonly length: number) {}

  /**
   * Begins a new slice.
   *
   * @param now on the monotonic clock
   * @param length in milliseconds. Default: that of all slices
   */
  begin(now: number, length = this.length): void {
    this.deadline = now + length;
  }

  /** Counts steps that were done, and returns whether the slice is used up. */
  isOver(steps: number): boolean {
    this.steps += steps;
    if (this.steps < stepsPerCheck) return false;
    this.steps = 0;
    return performance.now() > this.deadline;
  }
}
