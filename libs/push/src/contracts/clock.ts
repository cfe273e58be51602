/**
 * The time of a node, for everything that expires. There is one for each application, so that a test can put it ahead
 * (`nestjs-push/testing/app`). What waits for a server, and what measures, goes by the machine's own.
 */
export class Clock {
  /** Milliseconds on a clock that is never set. */
  now(): number {
    return performance.now();
  }

  /** Milliseconds since 1970. */
  date(): number {
    return Date.now();
  }

  /** Calls `run` once, in so many milliseconds. The process need not live for it. */
  after(milliseconds: number, run: () => void): NodeJS.Timeout {
    return setTimeout(run, milliseconds).unref();
  }

  /** Calls `run` again and again, each time after so many milliseconds. The process need not live for it. */
  every(milliseconds: number, run: () => void): NodeJS.Timeout {
    return setInterval(run, milliseconds).unref();
  }

  /** Calls it no more. Idempotent. */
  cancel(timer: NodeJS.Timeout | undefined): void {
    clearTimeout(timer);
  }

  /** Resolves in so many milliseconds, or as soon as `signal` is aborted. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.cancel(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.after(milliseconds, done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}
