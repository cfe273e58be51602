import type { PositionStorage } from './connect.options.js';
import type { Positions } from './parts.js';
import type { Subscriptions } from './subscriptions.js';

/** How many positions are kept. */
const maxPositions = 256;

/** The positions that a page had when it was left, for the next page in its tab. */
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
      // Invalid or truncated: starts without positions.
    }
    this.#left = { ...(left as Record<string, string>) };
  }

  /** Where to resume `pattern`. Only readers in this turn of the event loop get it. */
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
      // If a pattern has several readers, the position of one that is catching up is the safe choice.
      if (subscription.state === 'live') positions[subscription.pattern] ??= position;
      else positions[subscription.pattern] = position;
    }
    const all = Object.entries({ ...this.#left, ...positions }).slice(-maxPositions);
    this.storage.setItem(this.key, JSON.stringify(Object.fromEntries(all)));
  }
}
