import type { History } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { LogEvent } from '../../contracts/event.js';
import { printPosition, type Position } from '../../contracts/position.js';
import type { SnapshotSource } from '../../contracts/snapshot.js';
import { isNamedStart } from '../../contracts/start.js';
import { isWildcard } from '../../contracts/topic.js';
import type { Retention } from '../../contracts/retention.js';
import { Counts } from '../counts.js';
import { FanOut } from '../fan-out/fan-out.js';
import { Scheduler } from '../scheduler.js';
import { TopicRules, type TopicRule } from '../topic-rules.js';
import { Window } from '../window/window.js';
import { UnverifiedPositions } from './unverified-positions.js';
import { HistoryReader } from './history-reader.js';

/** Milliseconds between two looks for events that have become too old. */
const sweepInterval = 1_000;

/** What a node needs to know of its log. */
export interface NodeLogOptions {
  readonly rules: readonly TopicRule[];
  readonly retention: Retention;
  /** Bound on the window's memory, in bytes. */
  readonly windowBytes: number;
  /** How much of it the events of one publisher may take. Default: all. */
  readonly bytesPerPublisher?: number;
  /** The most bytes of state: see `StateRules.bytes`. Default: no bound. */
  readonly stateBytes?: number;
  /** Whether there are groups of handlers. Default: `false`. */
  readonly hasGroups?: boolean;
  /** Topics without retained events that are remembered one by one. */
  readonly emptyTopics: number;
  /** Told when the backplane's history begins to fail. Reads are repeated until they succeed. Default: the error is dropped. */
  readonly onHistoryError?: (error: unknown) => void;
  /** How often a connection may have fresh snapshots after gaps, in milliseconds. Default: 5,000. */
  readonly snapshotInterval?: number;
  /** See `FanOut`. */
  readonly maxDeliveryDelay?: number;
  /** As `WindowOptions.now`. */
  readonly now?: () => number;
}

/**
 * The log as this node has it, which is what cursors read: new events are on their way through the fan-out, recent ones in
 * the window, and older ones in the backplane's history.
 */
export class NodeLog {
  readonly rules: TopicRules;
  readonly window: Window;
  readonly fanOut: FanOut;
  /** Gives cursors their turns, after live delivery. */
  readonly scheduler = new Scheduler(() => this.fanOut.flush());
  /** What the backplane has besides the window; `undefined` if it has nothing else. */
  history: HistoryReader | undefined;
  /** Positions after the end of this node's log; `undefined` if no other node can be ahead of this one. */
  unverified: UnverifiedPositions | undefined;
  /** What loads snapshots; `undefined` if the application has no loaders. */
  snapshots: SnapshotSource | undefined;
  /** Names the log; empty until the backplane has opened it. */
  epoch = '';
  /** Nothing is read any more. */
  isClosed = false;
  /** Those that wait for older events, or for what is made of them. */
  readonly answers = new Set<{ fail(error: unknown): void }>();
  /** What this node has done. */
  readonly counts: Counts;
  private sweep: NodeJS.Timeout | undefined;

  constructor(private readonly options: NodeLogOptions) {
    this.fanOut = new FanOut(options.maxDeliveryDelay);
    this.counts = new Counts(options.rules.map(({ pattern }) => pattern));
    this.rules = new TopicRules(options.rules, options.retention, options.stateBytes, options.hasGroups);
    this.window = new Window({
      bytes: options.windowBytes,
      bytesPerPublisher: options.bytesPerPublisher,
      emptyTopics: options.emptyTopics,
      now: options.now,
      retentionOf: (topic) => this.rules.of(topic),
    });
  }

  /** From now on, what the window has lost is read from `history`. */
  readOlderFrom(history: History): void {
    const { onHistoryError = () => undefined } = this.options;
    this.history = new HistoryReader(history, () => this.epoch, onHistoryError, this.counts);
    this.window.hasHistory = true;
  }

  /** From now on, a client that claims to be ahead of this node is judged by where `head` says that the log ends. */
  verifyAgainst(head: () => Promise<Position>): void {
    const reached = () => ({ epoch: this.epoch, sequence: this.window.head });
    this.unverified = new UnverifiedPositions(reached, head, this.options.onHistoryError);
  }

  /** How often a connection may have fresh snapshots after gaps, in milliseconds. */
  get snapshotInterval(): number {
    return this.options.snapshotInterval ?? 5_000;
  }

  /** @throws PushError `UNAVAILABLE` for an id, as long as the log is not known */
  assertStart(start: string): void {
    if (isNamedStart(start) || this.epoch !== '') return;
    throw new PushError('UNAVAILABLE', 'The log cannot be read yet. Try again when the backplane is there.');
  }

  /** @throws PushError `INVALID_TOPIC` for a wildcard, and for a topic without a loader */
  assertSnapshots(topics: readonly string[]): void {
    const unknown = topics.find((topic) => !this.snapshots?.canLoad(topic));
    if (unknown === undefined) return;
    const reason = isWildcard(unknown)
      ? 'Only exact topics have snapshots. Name each topic.'
      : 'No @PushSnapshot() method loads it. Start at "last" or "now".';
    throw new PushError('INVALID_TOPIC', `There is no snapshot of ${JSON.stringify(unknown)}. ${reason}`);
  }

  /** The id of the end of the log; `undefined` as long as the log is not known. */
  get position(): string | undefined {
    return this.epoch === '' ? undefined : this.print(this.window.head);
  }

  print(sequence: number): string {
    return printPosition({ epoch: this.epoch, sequence });
  }

  /** The log is this one, and this node reads it from `sequence` on. */
  open({ epoch, sequence }: Position): void {
    this.epoch = epoch;
    this.restart(sequence);
    this.history?.reset();
    const another = new PushError('UNAVAILABLE', 'Another log has taken its place. Ask again.');
    for (const answer of this.answers) answer.fail(another);
  }

  /** Takes the next event. */
  add(event: LogEvent): void {
    this.counts.read++;
    this.fanOut.add(this.window.add(event));
    this.scheduleSweep();
    this.unverified?.reached();
  }

  /** The log has come to `sequence` without an event. */
  reach(sequence: number): void {
    const { window, fanOut } = this;
    if (fanOut.delivered === window.head) fanOut.delivered = sequence;
    window.head = sequence;
    this.unverified?.reached();
  }

  /** Begins again at `sequence`: events before it that have not come do not come any more. */
  restart(sequence: number): void {
    this.window.reset(sequence);
    this.fanOut.stop();
    this.fanOut.delivered = sequence;
  }

  /** Stops all timers and deliveries. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.sweep);
    this.fanOut.stop();
    this.scheduler.stop();
    this.history?.reset();
    this.unverified?.stop();
    for (const answer of this.answers)
      answer.fail(new PushError('CLOSED', 'The application is shutting down.'));
  }

  /** While anything can become too old, the window is searched for it at this interval. */
  private scheduleSweep(): void {
    if (this.sweep || this.window.expire() === undefined) return;
    this.sweep = setTimeout(() => {
      this.sweep = undefined;
      this.scheduleSweep();
    }, sweepInterval);
    this.sweep.unref();
  }
}
