/** How long a test waits for a change that should come at once, in milliseconds. */
const defaultTimeout = 50_000;

/** An object whose changes tests wait for. */
export abstract class Watched {
  private readonly waiting = new Set<() => void>();

  /** Resolves as soon as `condition` holds. It is checked after every change. */
  async until(condition: (self: this) => boolean, milliseconds = defaultTimeout): Promise<void> {
    if (condition(this)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        reject(new Error(`Waited ${milliseconds} ms for ${condition.toString()}; got ${this.describe()}.`));
      }, milliseconds);
      const check = () => {
        if (!condition(this)) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve();
      };
      this.waiting.add(check);
    });
  }

  /** Checks the conditions that tests wait for. A subclass calls it after every change. */
  protected changed(): void {
    this.waiting.forEach((check) => check());
  }

  /** The current state, for the error message when a condition does not hold in time. */
  protected abstract describe(): string;
}
