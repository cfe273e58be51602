import type { Backplane, History, Tail } from '../contracts/backplane.js';
import type { Connection } from '../contracts/connection.js';
import type { LogEvent } from '../contracts/event.js';
import { printPosition, type Position } from '../contracts/position.js';
import type { Retention } from '../contracts/retention.js';
import { covers } from '../contracts/topic.js';
import { Cursor } from './replay/cursor.js';
import type { Counted, CursorHost, SlowPolicy } from './replay/cursor-host.js';
import { FanOut } from './fan-out/fan-out.js';
import { Forerunners } from './replay/forerunners.js';
import { HistoryReader, type HistoryStats } from './replay/history-reader.js';
import { Departures, Interest } from './fan-out/interest.js';
import { Scheduler } from './scheduler.js';
import { Subscribers, type Member } from './fan-out/subscribers.js';
import { TopicIndex } from './topics/topic-index.js';
import type { TopicSet } from './topics/topic-set.js';
import { Window } from './window/window.js';

/** A rule for the topics that match `pattern`. Of several rules that match, the first holds. */
export interface TopicRule {
  readonly pattern: string;
  readonly retention?: Partial<Retention>;
  readonly slow?: SlowPolicy;
}

/** What the hub needs to know. */
export interface HubOptions {
  readonly rules: readonly TopicRule[];
  readonly retention: Retention;
  /** Bound on the window's memory, in bytes. */
  readonly windowBytes: number;
  /** How much of it the events of one publisher may take. Default: all. */
  readonly bytesPerPublisher?: number;
  /** Topics without retained events that are remembered one by one. */
  readonly emptyTopics: number;
  /** Told when the backplane's history begins to fail. Reads are repeated until they succeed. Default: nobody is. */
  readonly onHistoryError?: (error: unknown) => void;
}

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

/** The node's copy of the recent log, and everyone who reads it. */
export class Hub implements Tail, CursorHost {
  readonly window: Window;
  readonly scheduler = new Scheduler(() => this.fanOut.flush());
  history: HistoryReader | undefined;
  forerunners: Forerunners | undefined;
  /** The log that the window shows; empty until the backplane has opened it. */
  epoch = '';
  /** Live connections have everything up to this sequence. */
  delivered = 0;
  /** Gap notices sent. */
  gaps = 0;
  /** Receives control messages from all nodes. */
  onControl: (message: string) => void = () => undefined;

  /** Told when the log is reached for the first time. */
  private onOpen: (() => void)[] = [];
  private readonly index = new TopicIndex<Subscribers>();
  private readonly departures = new Departures();
  /** How many connections have the same topics. */
  private readonly audiences = new Map<string, number>();
  private readonly cursors = new Set<Cursor>();
  private readonly fanOut = new FanOut(this.index, (sequence) => (this.delivered = sequence));
  private readonly retentions: readonly { pattern: string; retention: Retention }[];
  private sweep: NodeJS.Timeout | undefined;

  constructor(private readonly options: HubOptions) {
    this.retentions = options.rules.map(({ pattern, retention }) => ({
      pattern,
      retention: { ...options.retention, ...retention },
    }));
    this.window = new Window({
      bytes: options.windowBytes,
      bytesPerPublisher: options.bytesPerPublisher,
      emptyTopics: options.emptyTopics,
      retentionOf: (topic) => this.retentionOf(topic),
    });
  }

  /** Begins to read the log of `backplane`. */
  start(backplane: Backplane): void {
    const all = [this.options.retention, ...this.retentions.map(({ retention }) => retention)];
    const largest = {
      events: Math.max(...all.map(({ events }) => events)),
      age: Math.max(...all.map(({ age }) => age)),
    };
    backplane.start(this, { of: (topic) => this.retentionOf(topic), largest });
    if (backplane.history) this.readBehind(backplane.history);
    if (backplane.head) this.expectAhead(() => backplane.head!());
  }

  /** From now on, who claims to be ahead of this node is judged by where `end` says that the log ends. */
  expectAhead(end: () => Promise<Position>): void {
    const reached = () => ({ epoch: this.epoch, sequence: this.window.head });
    this.forerunners = new Forerunners(reached, end, this.options.onHistoryError);
  }

  /** From now on, what the window has lost is read from `history`. */
  readBehind(history: History): void {
    const { onHistoryError = () => undefined } = this.options;
    this.history = new HistoryReader(history, () => this.epoch, onHistoryError);
    this.window.isBacked = true;
  }

  /** The id of the end of the log, once that is known: who resumes from it gets what comes from now on. */
  get position(): string | undefined {
    return this.epoch === '' ? undefined : this.print(this.window.head);
  }

  /** Whether the log was ever reached. */
  get isOpen(): boolean {
    return this.epoch !== '';
  }

  /** Calls `listener` when the log is reached for the first time; at once if it was. */
  whenOpen(listener: () => void): void {
    if (this.isOpen) listener();
    else this.onOpen.push(listener);
  }

  /** A cursor for a new connection. Its owner MUST call `leave` when the connection ends. */
  join(connection: Connection): Cursor {
    const cursor = new Cursor(this, connection);
    this.cursors.add(cursor);
    return cursor;
  }

  /** Resolves once publishers may go on; `undefined` if they may at once. */
  congested(): Promise<void> | undefined {
    return this.fanOut.congested();
  }

  open({ epoch, sequence }: Position): void {
    const isAnother = this.epoch !== '';
    this.epoch = epoch;
    this.restart(sequence);
    this.history?.reset();
    for (const cursor of this.cursors) {
      if (isAnother) cursor.reopen();
      else cursor.open();
    }
    const listeners = this.onOpen;
    this.onOpen = [];
    listeners.forEach((listener) => listener());
  }

  deliver(event: LogEvent): void {
    this.window.add(event);
    if (!this.fanOut.add(event)) this.delivered = event.sequence;
    this.scheduleSweep();
    this.cameFurther();
  }

  reach(sequence: number): void {
    const { window } = this;
    if (this.delivered === window.head) this.delivered = sequence;
    window.head = sequence;
    this.cameFurther();
  }

  skip(sequence: number): void {
    for (const cursor of this.cursors) cursor.pause();
    this.restart(sequence);
    for (const cursor of this.cursors) cursor.skipped();
    this.cameFurther();
  }

  deliverEphemeral(event: LogEvent): void {
    this.fanOut.add(event);
  }

  control(message: string): void {
    this.onControl(message);
  }

  stats(): HubStats {
    let subscriptions = 0;
    let behind = 0;
    let slowest = this.window.head;
    for (const cursor of this.cursors) {
      slowest = Math.min(slowest, cursor.sequence);
      subscriptions += cursor.topicCount;
      if (!cursor.isLive && cursor.topicCount > 0) behind++;
    }
    return {
      connections: this.cursors.size,
      subscriptions,
      audiences: this.audiences.size,
      behind,
      gaps: this.gaps,
      window: {
        events: this.window.events,
        bytes: this.window.bytes,
        topics: this.window.knownTopics,
      },
      history: this.history?.stats() ?? { pages: 0, reading: 0, waiting: 0, bytes: 0 },
      positions: { head: this.position ?? '', slowest: this.epoch === '' ? '' : this.print(slowest) },
    };
  }

  /** Stops all timers and deliveries. Connections are their owners' to end. */
  close(): void {
    clearTimeout(this.sweep);
    this.fanOut.stop();
    this.scheduler.stop();
    this.history?.reset();
    this.forerunners?.stop();
  }

  print(sequence: number): string {
    return printPosition({ epoch: this.epoch, sequence });
  }

  slowPolicyOf(pattern: string): SlowPolicy {
    return this.options.rules.find((rule) => covers(rule.pattern, pattern))?.slow ?? 'gap';
  }

  get round(): number {
    return this.fanOut.round;
  }

  undelivered(): Iterable<LogEvent> {
    return this.fanOut.undelivered();
  }

  interestOf(member: Member): TopicSet {
    return new Interest(this.index, member);
  }

  count(cursor: Counted): void {
    const { audience, counted } = cursor;
    if (audience === counted) return;
    cursor.counted = audience;
    if (counted !== undefined) {
      const rest = this.audiences.get(counted)! - 1;
      if (rest > 0) this.audiences.set(counted, rest);
      else this.audiences.delete(counted);
    }
    if (audience !== undefined) this.audiences.set(audience, (this.audiences.get(audience) ?? 0) + 1);
  }

  forget(cursor: Cursor, interest: TopicSet): void {
    this.cursors.delete(cursor);
    this.count(cursor);
    this.departures.add(interest);
  }

  private retentionOf(topic: string): Retention {
    return this.retentions.find((rule) => covers(rule.pattern, topic))?.retention ?? this.options.retention;
  }

  private cameFurther(): void {
    if (this.forerunners && this.forerunners.size > 0) this.forerunners.reached();
  }

  private restart(sequence: number): void {
    this.window.reset(sequence);
    this.fanOut.stop();
    this.delivered = sequence;
  }

  /** While anything can become too old, it is looked at once a second. */
  private scheduleSweep(): void {
    if (this.sweep || this.window.expire() === undefined) return;
    this.sweep = setTimeout(() => {
      this.sweep = undefined;
      this.scheduleSweep();
    }, 1_000);
    this.sweep.unref();
  }
}
