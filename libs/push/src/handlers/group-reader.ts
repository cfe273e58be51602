import { randomUUID } from 'node:crypto';
import type { Connection, GapNotice } from '../contracts/connection.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { Hub } from '../hub/hub.js';
import type { Cursor } from '../hub/replay/cursor.js';

/** What takes the events of a group. */
export interface GroupListener {
  /** Takes the next event, in log order. Returns whether there is room for more: `GroupReader.resume` is called when there is. */
  take(event: LogEvent): boolean;
  gap(notice: GapNotice): void;
  /** Another log has begun: the reader has stopped. */
  ended(): void;
}

/** Reads the events of a group from the log of this node: one cursor for all partitions that it has. */
export class GroupReader implements Connection {
  readonly id = randomUUID();
  readonly isInternal = true;
  private cursor: Cursor | undefined;

  constructor(
    private readonly hub: Hub,
    private readonly patterns: readonly string[],
    private readonly listener: GroupListener,
  ) {}

  /** The id up to which the listener was given everything; `undefined` if nothing is read. */
  get position(): string | undefined {
    return this.cursor?.position;
  }

  /** Reads from an id on, what was read before included. */
  start(after: string): void {
    this.cursor?.leave();
    this.cursor = this.hub.join(this);
    this.cursor.subscribe(this.patterns, after);
  }

  /** There is room again. */
  resume(): void {
    this.cursor?.drained();
  }

  stop(): void {
    this.cursor?.leave();
    this.cursor = undefined;
  }

  write({ events }: Batch): boolean {
    let hasRoom = true;
    for (const event of events) hasRoom = this.listener.take(event) && hasRoom;
    return hasRoom;
  }

  gap(notice: GapNotice): boolean {
    this.listener.gap(notice);
    return true;
  }

  fail(): void {
    this.cursor = undefined;
    this.listener.ended();
  }
}
