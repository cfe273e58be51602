import { randomUUID } from 'node:crypto';
import type { Connection, GapNotice } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import { parsePosition } from '../contracts/position.js';
import type { Hub } from '../hub/hub.js';
import type { Cursor } from '../hub/replay/cursor.js';

/** How long a writer waits for an event that the log has, in milliseconds: until its node has read that far. */
const patience = 5_000;

/** What reads the topics that nodes own. */
export interface OwnedListener {
  /** The newest event of each topic follows, then `opened`: at the start, in another log, and after something was lost. */
  reopen(): void;
  take(event: LogEvent): void;
  /** All that the log has was taken. */
  opened(): void;
}

/** Reads all that nodes own, from the log of this node. */
export class OwnedReader implements Connection {
  readonly id = randomUUID();
  readonly isInternal = true;
  private cursor: Cursor | undefined;
  private read = { epoch: '', sequence: 0 };
  private readonly waiting = new Set<() => void>();
  private patterns: readonly string[] = [];

  constructor(
    private readonly hub: Hub,
    private readonly listener: OwnedListener,
  ) {}

  /** Begins to read, from the beginning. @param patterns of all that is read */
  start(patterns = this.patterns): void {
    this.patterns = patterns;
    this.cursor?.leave();
    this.listener.reopen();
    const cursor = (this.cursor = this.hub.join(this));
    // The hub must not be called from inside of a delivery.
    const opened = () => setImmediate(() => this.cursor === cursor && this.listener.opened());
    cursor.subscribe(patterns, 'last', undefined, { onLive: opened });
  }

  stop(): void {
    this.cursor?.leave();
    this.cursor = undefined;
    for (const settle of this.waiting) settle();
  }

  write({ events }: Batch): boolean {
    for (const event of events) {
      this.listener.take(event);
      this.read = event;
    }
    for (const settle of this.waiting) settle();
    return true;
  }

  gap({ reset }: GapNotice): boolean {
    if (reset) this.startAgain();
    return true;
  }

  /** The hub ends it when another log has come. */
  fail(): void {
    this.startAgain();
  }

  /**
   * Resolves once this node has read the event of an id.
   *
   * @throws PushError `UNAVAILABLE` if that takes too long
   */
  async reached(id: string): Promise<void> {
    const wanted = parsePosition(id);
    const isThere = () =>
      !this.cursor || wanted?.epoch !== this.read.epoch || wanted.sequence <= this.read.sequence;
    if (isThere()) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        if (!isThere()) return;
        clearTimeout(timer);
        this.waiting.delete(settle);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(settle);
        reject(new PushError('UNAVAILABLE', 'This node has not read its log that far. Try again.'));
      }, patience).unref();
      this.waiting.add(settle);
    });
  }

  private startAgain(): void {
    setImmediate(() => this.cursor && this.start());
  }
}
