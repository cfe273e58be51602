/** How long a test waits for something that should happen at once, in milliseconds. */
const patience = 20_000;

/** Something that changes, and that tests wait for. */
export abstract class Watched {
  private readonly waiting = new Set<() => void>();

  /** Resolves as soon as `condition` holds, which is looked at whenever something has changed. */
  async until(condition: (self: this) => boolean, milliseconds = patience): Promise<void> {
    if (condition(this)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`Waited ${milliseconds} ms for ${condition.toString()}; got ${this.describe()}.`));
      }, milliseconds);
      const look = () => {
        if (!condition(this)) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
    });
  }

  /** Looks whether what tests wait for holds now. */
  protected changed(): void {
    this.waiting.forEach((look) => look());
  }

  /** What there is, for the message of a test that waits in vain. */
  protected abstract describe(): string;
}
