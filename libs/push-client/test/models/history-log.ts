import type { HistoryOptions, HistoryPage } from '../../src/history.js';
import type { StatusChange } from '../../src/link.js';
import type { HistoryClient } from '../../src/live-history.js';
import type { PushEvent } from '../../src/protocol/messages.js';
import type { Reader } from '../../src/events.js';
import { PushError } from '../../src/push-error.js';

/** A page that was asked for, and is not answered yet. */
interface Asked extends HistoryOptions {
  readonly resolve: (page: HistoryPage<number>) => void;
  readonly reject: (error: unknown) => void;
}

/** The log of one topic, read by a client whose connection, and whose requests, the test has in its hands. */
export class HistoryLog implements HistoryClient {
  status: StatusChange['status'] = 'live';
  readonly errors: unknown[] = [];
  readonly starts: unknown[] = [];
  /** How many events there were. The data of an event is its number, from 1 on, and so is its id. */
  count = 0;
  /** How many of the oldest are gone. */
  evicted = 0;
  private readonly statuses = new Set<(change: StatusChange) => unknown>();
  private readonly asked: Asked[] = [];
  private reader: Reader | undefined;
  private position = 0;
  /** What the reader is given next. */
  private queue: (() => void)[] = [];

  readonly onError = (error: unknown) => void this.errors.push(error);

  readonly onStatus: HistoryClient['onStatus'] = (handler) => {
    this.statuses.add(handler);
    return () => this.statuses.delete(handler);
  };

  readonly read: HistoryClient['read'] = (_, { from }, reader) => {
    this.starts.push(from);
    this.reader = reader;
    this.position = from === 'earliest' ? this.evicted : Number(from);
    this.connect();
    return () => {
      if (this.reader === reader) this.reader = undefined;
      return String(this.position);
    };
  };

  readonly readPage = (page: HistoryOptions) =>
    new Promise<HistoryPage<number>>((resolve, reject) => this.asked.push({ ...page, resolve, reject }));

  get isRead(): boolean {
    return this.reader !== undefined;
  }

  /** How many pages were asked for and are not answered. */
  get waiting(): number {
    return this.asked.length;
  }

  publish(): void {
    const number = ++this.count;
    if (this.reader) this.queue.push(() => this.give(number));
  }

  /** An event that is not stored. */
  ephemeral(): void {
    this.queue.push(() => this.reader?.next({ topic: 't', data: -1 }));
  }

  /** The oldest events are dropped. */
  evict(count: number): void {
    this.evicted = Math.min(this.count, this.evicted + count);
  }

  deliver(count = Infinity): void {
    for (let given = 0; given < count && this.queue.length > 0; given++) this.queue.shift()!();
  }

  say(status: StatusChange['status']): void {
    this.status = status;
    for (const tell of this.statuses) tell({ status });
  }

  /** The connection is cut, and the client comes back. */
  cut(): void {
    this.say('connecting');
    this.say('live');
    this.connect();
  }

  /** Answers the oldest request. */
  answer(): void {
    const { before, limit = 50, resolve } = this.asked.shift()!;
    const end = before === undefined ? this.count : Number(before) - 1;
    const start = Math.max(this.evicted, end - limit);
    const events: PushEvent<number>[] = [];
    for (let number = start + 1; number <= end; number++) events.push(eventOf(number));
    const hasOlder = start > this.evicted && events.length > 0;
    resolve({
      events,
      ...(hasOlder && { before: events[0]!.id }),
      ...(!hasOlder && this.evicted > 0 && { gap: 'evicted' as const }),
    });
  }

  fail(error: unknown = new PushError('UNAVAILABLE', 'away', true)): void {
    this.asked.shift()!.reject(error);
  }

  end(error?: PushError): void {
    this.reader?.end(error);
  }

  notice(message: Parameters<NonNullable<Reader['notice']>>[0]): void {
    this.reader?.notice?.(message);
  }

  private connect(): void {
    this.queue = [];
    if (!this.reader) return;
    const from = Math.max(this.position, this.evicted);
    if (from > this.position) this.queue.push(() => this.gap(from));
    for (let number = from + 1; number <= this.count; number++) this.queue.push(() => this.give(number));
    this.queue.push(() => this.reader?.live?.());
  }

  private give(number: number): void {
    this.position = number;
    this.reader?.next(eventOf(number));
  }

  private gap(position: number): void {
    this.position = position;
    this.notice({ event: 'gap', data: { reason: 'evicted', topics: ['t'], id: String(position) } });
  }
}

function eventOf(number: number): PushEvent<number> {
  return { topic: 't', id: String(number), data: number };
}
