import type { OneTimeStore } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';

/** How many values wait at most. */
const maxValues = 100_000;

/** How many values are looked at for each that is put: those that are too old go sooner than others come. */
const looksAtOnce = 8;
const looksWhenFull = 1_000;

interface Waiting {
  readonly value: string;
  /** On the monotonic clock. */
  readonly expires: number;
}

/** One-time values of a single process. What was put is there for its time: when there is no room, a new one is refused. */
export class MemoryOneTimeStore implements OneTimeStore {
  private readonly values = new Map<string, Waiting>();
  /** Goes round through them, and looks for those that are too old. */
  private round = this.values.entries();

  /** @param now clock in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  put(key: string, value: string, milliseconds: number): Promise<void> {
    this.sweep(looksAtOnce);
    if (this.values.size >= maxValues && !this.values.has(key)) this.sweep(looksWhenFull);
    if (this.values.size >= maxValues && !this.values.has(key)) {
      const message = `${maxValues} one-time values wait already. Try again when some of them are taken, or too old.`;
      return Promise.reject(new PushError('UNAVAILABLE', message));
    }
    this.values.set(key, { value, expires: this.now() + milliseconds });
    return Promise.resolve();
  }

  take(key: string): Promise<string | undefined> {
    const found = this.values.get(key);
    this.values.delete(key);
    return Promise.resolve(found && found.expires > this.now() ? found.value : undefined);
  }

  private sweep(looks: number): void {
    const now = this.now();
    for (let look = 0; look < looks; look++) {
      const { value: next, done } = this.round.next();
      if (done) {
        this.round = this.values.entries();
        return;
      }
      const [key, { expires }] = next;
      if (expires <= now) this.values.delete(key);
    }
  }
}
