import { Inject, Injectable } from '@nestjs/common';
import type { Backplane } from '../contracts/backplane.js';
import type { Connection } from '../contracts/connection.js';
import type { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import type { RetentionRules } from '../contracts/retention.js';
import { Cursor } from './replay/cursor.js';
import type { HistoryStats } from './replay/history-reader.js';
import { NodeLog } from './replay/node-log.js';

/** A snapshot of the hub, for `EventBus.stats()`. */
export interface HubStats {
  readonly connections: number;
  /** Topics and patterns over all connections; one that is being added again counts twice until that is done. */
  readonly subscriptions: number;
  /** Different sets of topics among the connections: those with the same one are served with one buffer a turn. */
  readonly audiences: number;
  /** Connections that are catching up, or whose socket is full. */
  readonly behind: number;
  /** Gap notices sent since the start. */
  readonly gaps: number;
  readonly window: {
    readonly events: number;
    readonly bytes: number;
    readonly topics: number;
  };
  /** What was older than the window; all 0 if the backplane keeps no more than the window does. */
  readonly history: HistoryStats;
  /** Ids. */
  readonly positions: {
    /** The end of the log: of the newest event. Empty as long as the log is not known. */
    readonly head: string;
    /** Everyone has everything up to here: where the connection is that is furthest behind. */
    readonly slowest: string;
  };
}

/**
 * The door of this room. The bus brings the log in here, event by event, and clients get their cursors; what cursors read
 * is the {@link NodeLog}.
 */
@Injectable()
export class Hub {
  private readonly cursors = new Set<Cursor>();
  /** Called when the log is reached for the first time. */
  private onOpen: (() => void)[] = [];

  constructor(@Inject(NodeLog) private readonly log: NodeLog) {}

  /** How much of each topic is promised to be kept. */
  get retention(): RetentionRules {
    return this.log.rules;
  }

  /** Uses what a backplane knows besides the events that it delivers: older ones, and where the log ends. */
  consult(backplane: Pick<Backplane, 'history' | 'head'>): void {
    if (backplane.history) this.log.readOlderFrom(backplane.history);
    if (backplane.head) this.log.verifyAgainst(() => backplane.head!());
  }

  /** The id of the end of the log, once that is known: a reader that resumes from it gets what comes from now on. */
  get position(): string | undefined {
    return this.log.position;
  }

  /** Whether the log was ever reached. */
  get isOpen(): boolean {
    return this.log.epoch !== '';
  }

  /** Calls `listener` when the log is reached for the first time; at once if it was. */
  whenOpen(listener: () => void): void {
    if (this.isOpen) listener();
    else this.onOpen.push(listener);
  }

  /** A cursor for a new connection. Its owner MUST call `leave` when the connection ends. */
  join(connection: Connection): Cursor {
    const cursor = new Cursor(this.log, connection, this.forget);
    this.cursors.add(cursor);
    return cursor;
  }

  /** Resolves once publishers may go on; `undefined` if they may at once. */
  congested(): Promise<void> | undefined {
    return this.log.fanOut.congested();
  }

  /** The log is this one, and its events after `position` follow: see `Tail.open`. */
  open(position: Position): void {
    const isAnother = this.isOpen;
    this.log.open(position);
    for (const cursor of this.cursors) {
      if (isAnother) cursor.reopen();
      else cursor.open();
    }
    const listeners = this.onOpen;
    this.onOpen = [];
    listeners.forEach((listener) => listener());
  }

  /** Takes the next event of the log. */
  deliver(event: LogEvent): void {
    this.log.add(event);
  }

  /** Takes an event that is not in the log. */
  deliverEphemeral(event: LogEvent): void {
    this.log.fanOut.add(event);
  }

  /** The log has come to `sequence` without an event. */
  reach(sequence: number): void {
    this.log.reach(sequence);
  }

  /** The events up to `sequence` that have not been delivered are not: see `Tail.skip`. */
  skip(sequence: number): void {
    for (const cursor of this.cursors) cursor.pause();
    this.log.restart(sequence);
    for (const cursor of this.cursors) cursor.skipped();
    this.log.unverified?.reached();
  }

  stats(): HubStats {
    const { cursors, log } = this;
    const { window } = log;
    let subscriptions = 0;
    let behind = 0;
    let slowest = window.head;
    for (const cursor of cursors) {
      slowest = Math.min(slowest, cursor.sequence);
      subscriptions += cursor.topicCount;
      if (!cursor.isLive && cursor.topicCount > 0) behind++;
    }
    return {
      connections: cursors.size,
      subscriptions,
      audiences: log.fanOut.audiences.size,
      behind,
      gaps: log.gaps,
      window: {
        events: window.events,
        bytes: window.bytes,
        topics: window.knownTopics,
      },
      history: log.history?.stats() ?? { pages: 0, reading: 0, waiting: 0, bytes: 0 },
      positions: { head: this.position ?? '', slowest: this.isOpen ? log.print(slowest) : '' },
    };
  }

  /** Stops all timers and deliveries. Connections are their owners' to end. */
  close(): void {
    this.log.close();
  }

  private readonly forget = (cursor: Cursor): void => {
    this.cursors.delete(cursor);
  };
}
