import { hashKey, type QueryClient, type QueryKey } from '@tanstack/query-core';

/**
 * Invalidates queries, once for all events of a turn of the event loop. Queries that are being asked for again are not asked a third time
 * until the answer has come: steady events do not keep it away.
 */
export class Invalidations {
  /** What the next turn invalidates, by the key's hash. */
  #next = new Map<string, QueryKey>();
  /** Hashes of what is being asked for. */
  readonly #running = new Set<string>();
  #isScheduled = false;
  #isOver = false;

  constructor(
    private readonly client: QueryClient,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Invalidates the queries whose key begins with `key`. */
  add(key: QueryKey): void {
    this.#next.set(hashKey(key), key);
    this.#schedule();
  }

  stop(): void {
    this.#isOver = true;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      for (const [hash, key] of this.#next) if (!this.#running.has(hash)) this.#run(hash, key);
    });
  }

  #run(hash: string, queryKey: QueryKey): void {
    this.#next.delete(hash);
    if (this.#isOver) return;
    this.#running.add(hash);
    const done = () => {
      this.#running.delete(hash);
      if (this.#next.has(hash)) this.#schedule();
    };
    this.client.invalidateQueries({ queryKey }).catch(this.onError).finally(done);
  }
}
