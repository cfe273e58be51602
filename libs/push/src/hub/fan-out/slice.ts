/** How much is done between two looks at the clock, in steps of some ten nanoseconds each. */
const stepsBetweenClocks = 1024;

/** A part of a turn of the event loop, after which others have theirs. */
export class Slice {
  private deadline = 0;
  private steps = 0;

  /** @param length in milliseconds */
  constructor(private readonly length: number) {}

  begin(): void {
    this.deadline = performance.now() + this.length;
  }

  /** Whether it is used up, after so many more steps. */
  isOver(steps: number): boolean {
    this.steps += steps;
    if (this.steps < stepsBetweenClocks) return false;
    this.steps = 0;
    return performance.now() > this.deadline;
  }
}
