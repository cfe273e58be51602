import { Inject, Injectable } from '@nestjs/common';
import type { Backplane } from '../contracts/backplane.js';
import type { Connection } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import type { RetentionRules } from '../contracts/retention.js';
import type { SnapshotSource } from '../contracts/snapshot.js';
import type { Tracer } from '../contracts/tracer.js';
import type { Counts } from './counts.js';
import type { BacklogStats } from './fan-out/backlog.js';
import { Cursor } from './replay/cursor.js';
import type { HistoryStats } from './replay/history-reader.js';
import { NodeLog } from './replay/node-log.js';
import type { TopicHistory } from './window/topic-history.js';
import { mismatchOf, type Mismatch } from './replay/unverified-positions.js';
import { OlderEvents, type OlderPage, type OlderQuery } from './replay/older-events.js';
import { SteppedWork, type Steps, type WorkOptions } from './replay/stepped-work.js';

/** A snapshot of this node's hub: see `EventBus.stats()`. */
export interface HubStats {
  /** Readers of the log: connected clients, and streams and handlers of the application. */
  readonly connections: number;
  /** Topics and patterns over all connections. One that a connection asks for again counts twice until that has caught up. */
  readonly subscriptions: number;
  /** Different sets of topics among the connections. Connections with the same set share their bytes. */
  readonly audiences: number;
  /** Connections that have not got everything yet: they are catching up, or their socket is full. */
  readonly lagging: number;
  /** Gap notices sent since the start. */
  readonly gaps: number;
  /** Events that were written to clients since the start; without streams that the application pipes. */
  readonly delivered: {
    /** Their bytes before compression. An event for two clients counts twice. */
    readonly bytes: number;
    /** The bytes that went out for them: fewer where they were compressed. */
    readonly written: number;
  };
  /** The recent part of the log, in memory. */
  readonly window: {
    /** Retained events. */
    readonly events: number;
    /** About how much memory they and their topics take. */
    readonly bytes: number;
    /** Topics that are known, with or without retained events. */
    readonly topics: number;
  };
  /** Events on their way to the clients that are connected: see `PushOptions.maxDeliveryDelay`. */
  readonly delivery: BacklogStats & {
    /** Events that `publish` has refused since the start, because what was before them took too long. */
    readonly refused: number;
  };
  /** Reads of events that are older than the window. All 0 if the backplane keeps no more than the window does. */
  readonly history: HistoryStats;
  /** Positions in the log, as event ids. Empty as long as the log is not known. */
  readonly positions: {
    /** The position of the newest event. */
    readonly head: string;
    /** The position of the slowest connection: all others have everything up to here, too. */
    readonly slowest: string;
  };
}

const overloaded =
  'The node is overloaded: what was published before is not delivered in time (maxDeliveryDelay). The event was not stored. Publish it again later.';

/**
 * The public face of `hub/`: the bus hands in the log, event by event, and connections get their cursors. What cursors read
 * is the {@link NodeLog}.
 */
@Injectable()
export class Hub {
  /** Makes spans, while somebody asks for them. */
  tracer: Tracer | undefined;
  private readonly cursors = new Set<Cursor>();
  /** Called when the log is known for the first time. */
  private onOpen: (() => void)[] = [];

  constructor(@Inject(NodeLog) private readonly log: NodeLog) {}

  /** What this node has done since it started. */
  get counts(): Counts {
    return this.log.counts;
  }

  /** How many events of each topic are kept, and for how long. */
  get retention(): RetentionRules {
    return this.log.rules;
  }

  /** Uses a backplane for what it can do besides delivering events: reading older ones, and telling the head of the log. */
  consult(backplane: Pick<Backplane, 'history' | 'head'>): void {
    if (backplane.history) this.log.readOlderFrom(backplane.history);
    if (backplane.head) this.log.verifyAgainst(() => backplane.head!());
  }

  /** From now on, connections may begin by snapshots. */
  loadSnapshotsBy(source: SnapshotSource): void {
    this.log.snapshots = source;
  }

  /** Whether a snapshot of a topic can be loaded. */
  hasSnapshot(topic: string): boolean {
    return this.log.snapshots?.canLoad(topic) ?? false;
  }

  /** The topics that this node knows, with the events of each that are in its memory. They may change during the iteration. */
  get topics(): Iterable<TopicHistory> {
    return this.log.window.histories;
  }

  /** What this node has of a topic in its memory; `undefined` if it does not know the topic. */
  topic(topic: string): TopicHistory | undefined {
    return this.log.window.historyOf(topic);
  }

  /** @throws PushError `INVALID_TOPIC` for a wildcard, and for a topic whose state nothing loads */
  assertSnapshots(topics: readonly string[]): void {
    this.log.assertSnapshots(topics);
  }

  /** Where this node is in the log; `undefined` as long as that is not known. */
  get head(): Position | undefined {
    const { epoch, window } = this.log;
    return epoch === '' ? undefined : { epoch, sequence: window.head };
  }

  /**
   * Calls `then` when this node has reached a position, at once if it has; or with why it never will: it is of another log, or
   * after the end of this one. Returns a function that cancels that.
   */
  whenReached(position: Position, then: (mismatch: Mismatch | undefined) => void): () => void {
    const mismatch = mismatchOf(position, this.head ?? { epoch: '', sequence: 0 });
    const { unverified } = this.log;
    if (mismatch === 'future' && unverified) return unverified.verify(position, then);
    then(mismatch);
    return () => undefined;
  }

  /** The id of the head of the log, `undefined` as long as that is not known. A reader that resumes from it gets newer events. */
  get position(): string | undefined {
    return this.log.position;
  }

  /** Whether the log is known: the backplane was reached at least once. */
  get isOpen(): boolean {
    return this.log.epoch !== '';
  }

  /** Calls `listener` when the log is known for the first time; at once if it is known already. */
  whenOpen(listener: () => void): void {
    if (this.isOpen) listener();
    else this.onOpen.push(listener);
  }

  /** Whether every connection has been given everything that there is. */
  get isSettled(): boolean {
    if (this.log.fanOut.backlog.events > 0) return false;
    for (const { isLive, isIdle } of this.cursors) if (!isLive && !isIdle) return false;
    return true;
  }

  /** A cursor for a new connection. Its owner MUST call `leave` when the connection ends. */
  join(connection: Connection): Cursor {
    const cursor = new Cursor(this.log, connection, this.forget);
    this.cursors.add(cursor);
    return cursor;
  }

  /** The newest events of a topic, or those before a position. */
  older(query: OlderQuery): Promise<OlderPage> {
    return new OlderEvents(this.log, query).result;
  }

  /**
   * Does work that the promise of something read leads to, for one of many clients: in steps, when it is the client's turn.
   *
   * @throws (the promise rejects) what a step throws; PushError `CLOSED` when the signal is aborted or the node shuts down,
   * and `UNAVAILABLE` when another log takes the place of the one that there is
   */
  inTurns<T>(steps: Steps<T>, options: WorkOptions = {}): Promise<T> {
    return new SteppedWork(this.log, steps, options).result;
  }

  /** Resolves once publishers may continue; `undefined` if they need not wait. @param now on the monotonic clock */
  congested(now = performance.now()): Promise<void> | undefined {
    return this.log.fanOut.backlog.congested(now);
  }

  /**
   * Has to be called before an event is published.
   *
   * @param now on the monotonic clock
   * @throws PushError `UNAVAILABLE` while what was published before takes too long to be delivered
   */
  assertRoom(now: number): void {
    if (!this.log.fanOut.backlog.isOverloaded(now)) return;
    this.log.counts.refused++;
    throw new PushError('UNAVAILABLE', overloaded);
  }

  /** The node now follows the log of `position`, from there on: see `Tail.open`. */
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

  /** Takes an event that is not in the log. While far too much waits already, it is dropped: other nodes may send any number. */
  deliverEphemeral(event: LogEvent): void {
    const { fanOut } = this.log;
    if (!fanOut.backlog.isFull) fanOut.add(event);
  }

  /** The log has no events between the last one and `sequence`: see `Tail.reach`. */
  reach(sequence: number): void {
    this.log.reach(sequence);
  }

  /** Events up to `sequence` that were not delivered never will be: see `Tail.skip`. */
  skip(sequence: number): void {
    for (const cursor of this.cursors) cursor.pause();
    this.log.restart(sequence);
    for (const cursor of this.cursors) cursor.skipped();
    this.log.unverified?.reached();
  }

  /** Counts what there is now. Takes time in proportion to the number of connections. */
  stats(): HubStats {
    const { cursors, log } = this;
    const { window } = log;
    let subscriptions = 0;
    let lagging = 0;
    let slowest = window.head;
    let connections = 0;
    for (const cursor of cursors) {
      if (cursor.connection.isInternal) continue;
      connections++;
      slowest = Math.min(slowest, cursor.sequence);
      // A topic that is asked for again counts twice until that has caught up.
      subscriptions += cursor.main.size + cursor.catchUps.topicCount;
      if (!cursor.isLive && !cursor.isIdle) lagging++;
    }
    return {
      connections,
      subscriptions,
      audiences: log.fanOut.audiences.size,
      lagging,
      gaps: [...log.counts.gaps.values()].reduce((sum, count) => sum + count, 0),
      delivered: log.counts.delivered,
      window: {
        events: window.events,
        bytes: window.bytes,
        topics: window.knownTopics,
      },
      delivery: { ...log.fanOut.backlog.stats(), refused: log.counts.refused },
      history: log.history?.stats() ?? { pages: 0, reading: 0, waiting: 0, bytes: 0 },
      positions: { head: this.position ?? '', slowest: this.isOpen ? log.print(slowest) : '' },
    };
  }

  /** Stops all timers and deliveries. The connections stay open: their owners end them. */
  close(): void {
    this.log.close();
  }

  private readonly forget = (cursor: Cursor): void => {
    this.cursors.delete(cursor);
  };
}
