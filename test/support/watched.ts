/** Something that changes, and can be waited for. */
export class Watched {
  private readonly waiting = new Set<() => void>();

  /** Resolves as soon as `holds`. The test's own time limit is the limit. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          if (!holds()) return;
          resolve();
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
}

/** For state that tells nobody when it changes: resolves as soon as `holds`. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
