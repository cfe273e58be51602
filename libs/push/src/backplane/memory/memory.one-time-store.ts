import type { OneTimeStore } from '../../contracts/backplane.js';

/** How many values wait at most; the oldest go first. */
const maxValues = 100_000;

/** One-time values of a single process. */
export class MemoryOneTimeStore implements OneTimeStore {
  private readonly values = new Map<string, { readonly value: string; readonly expires: number }>();

  put(key: string, value: string, milliseconds: number): Promise<void> {
    const now = Date.now();
    // Oldest first: most of those that have expired are found before the first that has not.
    for (const [oldest, { expires }] of this.values) {
      if (expires > now && this.values.size < maxValues) break;
      this.values.delete(oldest);
    }
    this.values.set(key, { value, expires: now + milliseconds });
    return Promise.resolve();
  }

  take(key: string): Promise<string | undefined> {
    const found = this.values.get(key);
    this.values.delete(key);
    return Promise.resolve(found && found.expires > Date.now() ? found.value : undefined);
  }
}
