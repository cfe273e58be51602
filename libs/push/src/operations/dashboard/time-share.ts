import type { Steps } from '../../hub/replay/stepped-work.js';

/** The lists of all views together take this share of the node's time. */
const share = 1 / 200;

/** How many milliseconds ahead of that an operator who asks for something new is served at once. */
const credit = 5_000;

/** The longest that lists wait, in milliseconds: the first one of a process takes many times as long as later ones. */
const longest = 10_000;

/**
 * Gives the lists of a node their time. A list of many connections or topics takes a while, so it is made less often: however
 * many there are, and however many views look, the node spends the same share of its time on lists.
 */
export class TimeShare {
  /** When the time that was taken has been earned, on the monotonic clock. */
  private earned = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Whether a list may be made now. @param isNew it is one that was not there before */
  mayRun(isNew: boolean): boolean {
    return this.earned <= this.now() + (isNew ? credit : 0);
  }

  /** Does the steps, and takes the time that they need. */
  *timed<T>(steps: Steps<T>): Steps<T> {
    for (;;) {
      const began = this.now();
      const step = steps.next();
      this.take(this.now() - began);
      if (step.done) return step.value;
      yield step.value;
    }
  }

  /** Takes time that was needed, in milliseconds. */
  take(milliseconds: number): void {
    const now = this.now();
    this.earned = Math.min(Math.max(this.earned, now) + milliseconds / share, now + longest);
  }
}
