import { setTimeout as delay } from 'node:timers/promises';
import { PushError } from '../contracts/errors.js';
import { countTopicOf } from '../contracts/reserved.js';
import type { OwnedWriter } from './owned-writer.js';
import type { PresenceIndex } from './presence-index.js';

/** A count is written at most once in so many milliseconds. */
const interval = 1_000;

/** How many clients of a topic are only counted here, and what the log has of that. */
interface OwnCount {
  wanted: number;
  written: number;
  /** The topic and the id of what is written. */
  key: string | undefined;
  id: string | undefined;
  isBusy: boolean;
}

/** What the counts of a node need besides. */
export interface OwnCountsContext {
  /** What the log has, as far as this node has read it. */
  index(): PresenceIndex;
  readonly writer: OwnedWriter;
  incarnation(): string;
  onError(error: unknown): void;
}

/** Writes how many clients of each topic are only counted on this node. Each incarnation has topics of its own. */
export class OwnCounts {
  private readonly counts = new Map<string, OwnCount>();
  private isClosed = false;

  constructor(private readonly context: OwnCountsContext) {}

  set(topic: string, wanted: number): void {
    const count = this.counts.get(topic);
    if (count) count.wanted = wanted;
    else if (wanted > 0)
      this.counts.set(topic, { wanted, written: 0, key: undefined, id: undefined, isBusy: false });
    this.update(topic);
  }

  /** Writes everything once more: this node has another incarnation, or another log. */
  announce(): void {
    for (const [topic, count] of this.counts) {
      count.written = 0;
      this.update(topic);
    }
  }

  /** Removes what is written, and writes nothing any more. */
  async close(): Promise<void> {
    this.isClosed = true;
    const { writer } = this.context;
    const removals = [...this.counts.values()].flatMap(({ key, id }) =>
      key === undefined || id === undefined ? [] : [writer.remove(key, id)],
    );
    await Promise.allSettled(removals);
  }

  private update(topic: string): void {
    const count = this.counts.get(topic);
    if (!count || count.isBusy) return;
    count.isBusy = true;
    this.write(topic, count).catch(this.context.onError);
  }

  private async write(topic: string, count: OwnCount): Promise<void> {
    // Never from inside of a delivery; and what comes in the same turn is one change.
    await delay(0, undefined, { ref: false });
    while (!this.isClosed && count.wanted !== count.written) {
      await this.step(topic, count).catch((error: unknown) => {
        // What is away comes back: others report that.
        if (!(error instanceof PushError)) this.context.onError(error);
      });
      await delay(interval, undefined, { ref: false });
    }
    count.isBusy = false;
    if (count.wanted === 0) this.counts.delete(topic);
  }

  private async step(topic: string, count: OwnCount): Promise<void> {
    const { writer, index, incarnation } = this.context;
    const key = countTopicOf(topic, incarnation());
    if (count.key !== key && count.id !== undefined) await writer.remove(count.key!, count.id);
    if (count.key !== key) count.id = undefined;
    count.key = key;
    const { wanted } = count;
    count.id ??= index().entry(key)?.id;
    if (wanted === 0) {
      if (count.id !== undefined) await writer.remove(key, count.id);
      count.id = undefined;
      count.written = 0;
      return;
    }
    const stored = await writer.set(key, JSON.stringify({ count: wanted }), count.id);
    count.id = stored?.id;
    // It was taken over, if anything: the lease says so.
    if (stored) count.written = wanted;
  }
}
