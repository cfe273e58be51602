import { randomUUID } from 'node:crypto';
import type { Connection, GapNotice } from '../contracts/connection.js';
import { isEnd } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import { isAfter } from '../contracts/position.js';
import { runTopicOf } from '../contracts/reserved.js';
import { isRemoval } from '../contracts/state.js';
import type { Hub } from '../hub/hub.js';
import type { Cursor } from '../hub/replay/cursor.js';
import { numberOf } from './run-events.js';

/** How long it may take to read where a topic is, in milliseconds. */
const patience = 10_000;

/** What a watch tells. None of it may throw, or call back into the hub at once. */
export interface WatchListener {
  /** The topic has ended, its run's state has changed, or one of them was removed. */
  changed(): void;
  /** Events of the topic are gone for good: another log has come. */
  lost(): void;
}

/** Reads a topic and the state of its run: the newest of each, and everything from then on. */
export class RunWatch implements Connection {
  readonly id = randomUUID();
  readonly isInternal = true;
  /** The end of the topic, if it has ended. */
  end: LogEvent | undefined;
  /** The state of its run, if there is one. */
  state: LogEvent | undefined;
  /** Whether the topic was removed since its run began. */
  wasForgotten = false;
  /** The number of the newest event of a run, and whether one before it is missing. */
  number: number | undefined;
  hasHole = false;
  /** Whether it has come to the end of the log. */
  isLive = false;
  private cursor: Cursor | undefined;
  /** The newest event of the run's state or its removal. */
  private newest: string | undefined;
  private readonly waiting = new Set<() => void>();
  private failure: PushError | undefined;

  constructor(
    private readonly hub: Hub,
    readonly topic: string,
    private readonly listener?: WatchListener,
  ) {}

  /**
   * Begins to read. Resolves when it has come to the end of the log.
   *
   * @throws PushError `UNAVAILABLE` if that takes too long, or is not possible now
   */
  start(): Promise<void> {
    this.begin();
    return this.until(() => this.isLive);
  }

  /**
   * Resolves when it has read the event of an id, of the run's state, or a later one.
   *
   * @throws PushError `UNAVAILABLE`
   */
  reached(id: string): Promise<void> {
    return this.until(() => this.newest !== undefined && !isAfter(id, this.newest));
  }

  /**
   * Resolves with the end of the topic, when it has read that.
   *
   * @throws PushError `UNAVAILABLE` if that takes too long
   */
  async untilEnded(): Promise<LogEvent> {
    await this.until(() => this.end !== undefined);
    return this.end!;
  }

  stop(): void {
    this.cursor?.leave();
    this.cursor = undefined;
    this.failure ??= new PushError('CLOSED', 'It is not watched any more.');
    this.settle();
  }

  write({ events }: Batch): boolean {
    let isChanged = false;
    for (const event of events) isChanged = this.take(event) || isChanged;
    this.settle();
    if (isChanged) this.listener?.changed();
    return true;
  }

  gap({ reason }: GapNotice): boolean {
    if (reason === 'evicted') setImmediate(() => this.cursor && this.begin());
    else this.another();
    return true;
  }

  fail(error: PushError): void {
    if (error.code === 'CLOSED') this.stop();
    else this.another();
  }

  private begin(): void {
    this.cursor?.leave();
    this.isLive = false;
    this.number = undefined;
    const cursor = (this.cursor = this.hub.join(this));
    const onLive = () => {
      if (this.cursor !== cursor) return;
      this.isLive = true;
      this.settle();
    };
    cursor.subscribe([this.topic, runTopicOf(this.topic)], 'last', undefined, { onLive });
  }

  private another(): void {
    this.failure = new PushError('UNAVAILABLE', 'Another log has taken its place. Try again.');
    this.settle();
    this.listener?.lost();
  }

  /** Returns whether the listener has to know. */
  private take(event: LogEvent): boolean {
    if (event.topic !== this.topic) {
      this.newest = event.id;
      // Another run begins.
      if (!this.state) this.wasForgotten = false;
      this.state = isRemoval(event) ? undefined : event;
      return true;
    }
    if (isRemoval(event)) {
      this.end = undefined;
      if (this.state) this.wasForgotten = true;
      return this.wasForgotten;
    }
    if (isEnd(event)) {
      this.end = event;
      return true;
    }
    const number = numberOf(event);
    if (number !== undefined) {
      if (this.number !== undefined && number > this.number + 1) this.hasHole = true;
      this.number = number;
    }
    return false;
  }

  private until(isThere: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        const { failure } = this;
        if (!failure && !isThere()) return;
        clearTimeout(timer);
        this.waiting.delete(settle);
        if (failure) reject(failure);
        else resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(settle);
        reject(new PushError('UNAVAILABLE', `This node cannot read ${this.topic} now. Try again.`));
      }, patience).unref();
      this.waiting.add(settle);
      settle();
    });
  }

  private settle(): void {
    for (const settle of this.waiting) settle();
  }
}
