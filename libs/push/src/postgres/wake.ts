/** Wakes what waits for news. News that comes while nothing waits is remembered. */
export class Wake {
  private isSet = false;
  private resolve: (() => void) | undefined;

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', () => this.set(), { once: true });
  }

  set(): void {
    this.isSet = true;
    this.resolve?.();
  }

  /** Forgets what has come: to be called before looking. */
  clear(): void {
    this.isSet = this.signal.aborted;
  }

  /** Resolves at the next `set`, or after that many milliseconds. Returns whether it was set. */
  async wait(milliseconds: number): Promise<boolean> {
    if (!this.isSet) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.resolve = undefined;
    }
    return this.isSet;
  }
}
