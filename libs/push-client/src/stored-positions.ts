import type { PositionStorage } from './connect.options.js';
import type { Positions } from './connect.js';
import type { Subscriptions } from './subscriptions.js';

/** More positions than this are not kept. */
const most = 256;

/** The positions at which a page was left, for the next one in its tab. */
export class StoredPositions implements Positions {
  readonly #left: Record<string, string>;

  constructor(
    private readonly storage: PositionStorage,
    private readonly key: string,
  ) {
    let left: unknown;
    try {
      left = JSON.parse(storage.getItem(key) ?? '{}');
    } catch {
      // Not written by this client, or cut short: as if nothing was there.
    }
    this.#left = { ...(left as Record<string, string>) };
  }

  /** Where to go on with `pattern`. Readers of this turn of the event loop get it, later ones do not. */
  take(pattern: string): string | undefined {
    queueMicrotask(() => delete this.#left[pattern]);
    return this.#left[pattern];
  }

  /** Keeps the position of each pattern, and the positions that no reader has taken yet. */
  save(subscriptions: Subscriptions): void {
    const positions: Record<string, string> = {};
    for (const subscription of subscriptions) {
      const position = subscriptions.positionOf(subscription);
      // No id has a colon; `last:50` has.
      if (/^(now|last|earliest|start)$|:/.test(position)) continue;
      // Of several readers of a pattern, one that is being brought up to the live ones misses nothing.
      if (subscription.state === 'live') positions[subscription.pattern] ??= position;
      else positions[subscription.pattern] = position;
    }
    const all = Object.entries({ ...this.#left, ...positions }).slice(-most);
    this.storage.setItem(this.key, JSON.stringify(Object.fromEntries(all)));
  }
}
