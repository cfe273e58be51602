import type { Reader } from '../../src/events.js';
import type { StatusChange } from '../../src/link.js';
import type { GapReason } from '../../src/protocol/gap.js';
import type { PushEvent } from '../../src/protocol/messages.js';
import type { PushError } from '../../src/push-error.js';
import type { StateSource } from '../../src/state.js';

interface Entry extends PushEvent {
  readonly id: string;
  /** Missing for a removal. */
  readonly data: unknown;
  readonly isRemoval: boolean;
}

/** A log of state topics, read by a client whose connection the test has in its hands. */
export class StateLog implements StateSource {
  readonly errors: unknown[] = [];
  readonly starts: unknown[] = [];
  /** What is true now. */
  readonly now = new Map<string, unknown>();
  private readonly log: Entry[] = [];
  private readonly statuses = new Set<(change: StatusChange) => unknown>();
  private reader: Reader | undefined;
  /** What the reader is given next. */
  private queue: (() => void)[] = [];
  /** The place in the log that the reader resumes from; `undefined` before its first event. */
  private position: number | undefined;
  /** Whether the reader has not yet got to the end of what a reset brings: when it comes back, it is told of it again. */
  private isResetting = false;

  readonly onError = (error: unknown) => void this.errors.push(error);

  readonly onStatus: StateSource['onStatus'] = (handler) => {
    this.statuses.add(handler);
    return () => this.statuses.delete(handler);
  };

  readonly read: StateSource['read'] = (_, { from }, reader) => {
    this.starts.push(from);
    this.reader = reader;
    this.position = undefined;
    this.isResetting = false;
    this.connect();
    return () => {
      if (this.reader === reader) this.reader = undefined;
      return String(this.position);
    };
  };

  get isRead(): boolean {
    return this.reader !== undefined;
  }

  publish(topic: string, data: unknown): void {
    this.now.set(topic, data);
    this.append({ topic, data, isRemoval: false });
  }

  remove(topic: string): void {
    this.now.delete(topic);
    this.append({ topic, data: undefined, isRemoval: true });
  }

  /** An event that is not stored. */
  ephemeral(topic: string, data: unknown): void {
    this.queue.push(() => this.reader?.next({ topic, data }));
  }

  /** Gives the reader so much of what waits for it. */
  deliver(count = Infinity): void {
    // One by one: a reader that begins again gets nothing more of what waited for the one before.
    for (let given = 0; given < count && this.queue.length > 0; given++) this.queue.shift()!();
  }

  /** The connection is cut, and the client comes back. */
  cut(): void {
    for (const tell of this.statuses) tell({ status: 'connecting' });
    for (const tell of this.statuses) tell({ status: 'live' });
    this.connect();
  }

  /** The server has forgotten removals. */
  reset(isLive: boolean): void {
    const before = this.position ?? 0;
    const through = this.log.length;
    this.isResetting = true;
    this.queue = [() => this.gap('evicted', before, true)];
    for (const entry of this.newest()) {
      if (!entry.isRemoval) this.queue.push(() => this.give(entry, false));
    }
    // The position moves at the end.
    this.queue.push(() => {
      this.position = through;
      this.isResetting = false;
    });
    if (!isLive) this.queue.push(() => this.reader?.live?.());
  }

  /** The pattern is one that other topics match too: what the reader has missed is lost to it. */
  lose(): void {
    const end = this.log.length;
    this.queue = [() => this.gap('evicted', end)];
  }

  end(error?: PushError): void {
    this.reader?.end(error);
  }

  private append(entry: Omit<Entry, 'id'>): void {
    const stored = { ...entry, id: String(this.log.length + 1) };
    this.log.push(stored);
    if (this.reader) this.queue.push(() => this.give(stored));
  }

  /** Catches up with the newest event of each topic after the position. */
  private connect(): void {
    if (this.isResetting) return this.reset(false);
    this.queue = this.newest(this.position).map((entry) => () => this.give(entry));
    this.queue.push(() => this.reader?.live?.());
  }

  private newest(after = 0): Entry[] {
    const newest = new Map(this.log.slice(after).map((entry) => [entry.topic, entry]));
    return [...newest.values()].sort((one, other) => Number(one.id) - Number(other.id));
  }

  private give({ topic, id, data, isRemoval }: Entry, hasId = true): void {
    if (hasId) this.position = Number(id);
    if (!isRemoval) this.reader?.next({ topic, data, ...(hasId && { id }) });
    else this.reader?.notice?.({ event: 'removed', data: { topic, id } });
  }

  private gap(reason: GapReason, position: number, reset?: true): void {
    this.position = position;
    const data = { reason, topics: ['s.*'], id: String(position), reset };
    this.reader?.notice?.({ event: 'gap', data });
  }
}

/** Resolves after what was scheduled for the end of this turn. */
export const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));
