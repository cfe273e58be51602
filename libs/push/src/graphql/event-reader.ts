import { randomUUID } from 'node:crypto';
import type { PushEvent } from '../bus/handled-events.js';
import type { Connection, GapNotice } from '../contracts/connection.js';
import { endOf } from '../contracts/end.js';
import type { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { Hub } from '../hub/hub.js';
import type { Cursor } from '../hub/replay/cursor.js';
import type { Start } from '../protocol/topics.js';
import { PushEventError } from './push-event-error.js';

/** What a subscription reads. */
export interface Reading {
  readonly topics: readonly string[];
  readonly start: Start;
  readonly filter?: (event: PushEvent) => boolean;
}

/** What an iterator resolves with. */
export type Result = IteratorResult<PushEvent, undefined>;

/** The end of an iterator. */
export const over: Result = { done: true, value: undefined };

/**
 * The events of a subscription, when they are asked for. It is one more connection of the hub: a cursor in the log. It holds one
 * batch, and is full until that is used up; what comes meanwhile stays in the log. It begins to read with the first `next()`.
 */
export class EventReader implements Connection {
  readonly id = randomUUID();
  private cursor: Cursor | undefined;
  /** What it was given and nobody has asked for. */
  private items: (LogEvent | PushEventError)[] = [];
  /** The error that was handed out last. */
  private error: PushEventError | undefined;
  /** Those who wait in `next()`. */
  private waiting: (() => void)[] = [];
  /** Whether nothing comes after the items. */
  private isOver = false;
  /** Whether the hub waits until the items are used up. */
  private isFull = false;

  /** @param open those that read: it adds itself, and leaves */
  constructor(
    private readonly hub: Hub,
    private readonly reading: Reading,
    private readonly open: Set<EventReader>,
  ) {}

  /** @throws (the promise rejects) an error in the place of an event that nobody was told of, because a filter has dropped it */
  async next(): Promise<Result> {
    try {
      return await this.step();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Reads no more. What was read and not asked for is dropped. */
  close(): void {
    this.finish();
    this.items = [];
  }

  /** Ends it by a rejection, without a result that a client would take for the last one. */
  abort(error: PushError): void {
    this.error = PushEventError.ofFailure(error);
    this.close();
  }

  write({ events }: Batch): boolean {
    return this.add(events.filter(isEvent));
  }

  gap(notice: GapNotice): boolean {
    return this.add([PushEventError.ofGap(notice)]);
  }

  ended(_topics: readonly string[], isLast: boolean): void {
    if (isLast) this.finish();
  }

  fail(error: PushError): void {
    this.add([PushEventError.ofFailure(error)]);
    this.finish();
  }

  private async step(): Promise<Result> {
    for (;;) {
      this.assertTold();
      const event = this.take();
      if (event) return { done: false, value: event };
      if (this.isOver) return over;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private assertTold(): void {
    const { error } = this;
    this.error = undefined;
    if (error && !error.wasTold) throw error;
  }

  /** The next event, or an error in its place; `undefined` if there is none now. */
  private take(): PushEvent | undefined {
    if (!this.cursor) this.begin();
    for (;;) {
      if (this.items.length === 0) this.makeRoom();
      const item = this.items.shift();
      if (item === undefined) return undefined;
      // To its reader an error has the properties of an event.
      if (item instanceof PushEventError) return (this.error = item) as unknown as PushEvent;
      const event = eventOf(item);
      if (this.reading.filter?.(event) ?? true) return event;
    }
  }

  private begin(): void {
    if (this.isOver) return;
    const { topics, start } = this.reading;
    this.open.add(this);
    this.cursor = this.hub.join(this);
    try {
      this.cursor.subscribe(topics, start);
    } catch (error) {
      this.fail(error as PushError);
    }
  }

  private add(items: readonly (LogEvent | PushEventError)[]): boolean {
    if (this.isOver) return true;
    this.items = this.items.length === 0 ? [...items] : [...this.items, ...items];
    // Each of those who wait takes one.
    this.isFull = this.items.length > this.waiting.length;
    this.wake();
    return !this.isFull;
  }

  private makeRoom(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.cursor?.drained();
  }

  /** Nothing is read any more: what is there is the rest. */
  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.cursor?.leave();
    this.open.delete(this);
    this.wake();
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Whether it has data for clients: an end may have none, or all that came before it once more. */
function isEvent(event: LogEvent): boolean {
  const end = endOf(event);
  return end === undefined || end.data === 'event';
}

function eventOf({ id, topic, type, data, meta }: LogEvent): PushEvent {
  return { id, topic, type, data: JSON.parse(data) as unknown, meta };
}
