import { PushError } from '../contracts/errors.js';

/**
 * Runs a decision of the application, for so many milliseconds at most. The signal, which is made on demand, tells the
 * application that its answer is too late.
 *
 * @throws PushError `UNAVAILABLE` when the time is up; otherwise what `run` throws
 */
export async function decide<T>(
  milliseconds: number,
  run: (signal: () => AbortSignal) => T | Promise<T>,
): Promise<T> {
  const deadline = new Deadline();
  const late = new Promise<never>((_, reject) => deadline.start(milliseconds, reject));
  try {
    return await Promise.race([run(() => deadline.signal), late]);
  } finally {
    deadline.stop();
  }
}

/** A time limit. Most decisions never use its signal, which costs more than all the rest. */
class Deadline {
  private controller: AbortController | undefined;
  private error: PushError | undefined;
  private timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.error) this.controller.abort(this.error);
    }
    return this.controller.signal;
  }

  start(milliseconds: number, then: (error: PushError) => void): void {
    this.timer = setTimeout(() => {
      this.error = undecidedError();
      this.controller?.abort(this.error);
      then(this.error);
    }, milliseconds);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** What a client is told if a decision about it was late. */
export function undecidedError(): PushError {
  return new PushError('UNAVAILABLE', 'The server took too long to decide. Come back later.');
}
