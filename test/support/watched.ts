/** Something that changes, and can be waited for. */
export class Watched {
  private readonly waiting = new Set<() => void>();
  /** Why nothing changes any more. */
  private ending: string | undefined;

  /** Resolves as soon as `holds`, and rejects once it never will: nothing changes any more. The test's own time limit is the limit. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          if (holds()) resolve();
          else if (this.ending === undefined) return;
          else reject(new Error(`${this.ending}: what is waited for never comes: ${holds.toString()}`));
        } catch (error) {
          reject(error as Error);
        }
        this.waiting.delete(look);
      };
      this.waiting.add(look);
      look();
    });
  }

  protected changed(): void {
    for (const look of this.waiting) look();
  }

  /** Says that this was the last change, and why. */
  protected over(why: string): void {
    this.ending = why;
    this.changed();
  }
}

/** For state that tells nobody when it changes: resolves as soon as `holds`. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
