import type { EventBus } from '../bus/event-bus.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { runPattern, runTopicOf } from '../contracts/reserved.js';
import type { NodeLease } from '../state/node-lease.js';
import type { OwnedKind } from '../state/owned-kind.js';
import type { OwnState } from './own-state.js';
import { runEndMeta } from './run-events.js';
import { RunIndex, type RunEntry } from './run-index.js';
import type { RunReason, RunResult } from './run.js';

/** How many runs of a dead node are ended at once. */
const mostAtOnce = 64;

/** How long to wait for the log when the application starts, in milliseconds. */
const patience = 10_000;

/** A run of this node. */
interface NodeRun {
  readonly topic: string;
  readonly id: string;
  readonly done: Promise<RunResult>;
  readonly state: OwnState;
  stop(reason: RunReason): void;
}

/** The runs of a node: what it knows of all nodes, which are its own, and those that it ends for a dead one. */
export class RunsNode implements OwnedKind {
  readonly pattern = runPattern;
  private readonly runs = new Map<string, NodeRun>();
  private current = new RunIndex();
  /** What is read from the beginning, until that is complete. */
  private next: RunIndex | undefined;
  private readonly waiting = new Set<() => void>();
  private isOpen = false;
  private isClosed = false;

  constructor(
    private readonly lease: NodeLease,
    private readonly bus: EventBus,
    private readonly report: (error: unknown) => void,
  ) {}

  /** How many runs are its own. */
  get size(): number {
    return this.runs.size;
  }

  /** This node's own run of a topic. */
  at(topic: string): NodeRun | undefined {
    return this.runs.get(topic);
  }

  /** What the log has of the run of a topic. */
  entry(topic: string): RunEntry | undefined {
    return this.index.entry(runTopicOf(topic));
  }

  /** What the log has of the state of a run, if it is this node's own. @param state the topic of the state */
  own(state: string): RunEntry | undefined {
    const entry = this.index.entry(state);
    return entry && this.lease.isOwn(entry.owner) ? entry : undefined;
  }

  /** What runs on all nodes. */
  all(): readonly RunEntry[] {
    return [...this.index.all()];
  }

  /**
   * Resolves when this node knows what runs.
   *
   * @throws PushError `UNAVAILABLE` if that takes too long; `CLOSED`
   */
  async whenOpen(): Promise<void> {
    if (!this.isOpen && !this.isClosed)
      await new Promise<void>((resolve) => {
        const settle = () => {
          clearTimeout(timer);
          this.waiting.delete(settle);
          resolve();
        };
        const timer = setTimeout(settle, patience).unref();
        this.waiting.add(settle);
      });
    if (this.isClosed) throw new PushError('CLOSED', 'The application is shutting down.');
    if (!this.isOpen)
      throw new PushError(
        'UNAVAILABLE',
        'The log cannot be read yet. Try again when the backplane is there.',
      );
  }

  add(run: NodeRun): void {
    this.runs.set(run.topic, run);
  }

  delete(run: NodeRun): void {
    if (this.runs.get(run.topic) === run) this.runs.delete(run.topic);
  }

  reopen(): void {
    this.next = new RunIndex();
  }

  take(event: LogEvent): void {
    this.index.take(event);
    // What is read from the beginning is looked at when it is complete.
    if (!this.next) this.removeOrphan(event.topic);
  }

  opened(): void {
    if (this.next) this.current = this.next;
    this.next = undefined;
    for (const { run } of this.current.all()) this.removeOrphan(runTopicOf(run.topic));
    this.isOpen = true;
    for (const settle of this.waiting) settle();
  }

  owns(incarnation: string): boolean {
    return this.index.ownedBy(incarnation).size > 0;
  }

  async onLapsed(incarnation: string): Promise<void> {
    const states = [...this.index.ownedBy(incarnation)];
    while (states.length > 0)
      await Promise.all(states.splice(0, mostAtOnce).map((state) => this.endOf(incarnation, state)));
  }

  onLost(): void {
    for (const run of this.runs.values()) run.stop('lost');
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const settle of this.waiting) settle();
    this.onLost();
    await Promise.all([...this.runs.values()].map(({ done }) => done));
  }

  private get index(): RunIndex {
    return this.next ?? this.current;
  }

  /** Ends the run of a dead incarnation, and removes its state. The first end wins: it may have ended before. */
  private async endOf(incarnation: string, state: string): Promise<void> {
    const { index } = this;
    let entry = index.entry(state);
    if (entry?.owner !== incarnation) return;
    const { topic, id } = entry.run;
    await this.bus.end(topic, { reason: 'lost', meta: runEndMeta(id) }).catch((error: unknown) => {
      // A topic whose rule is another one by now has no end.
      if (!(error instanceof PushError && ['ENDED', 'INVALID_OPTION'].includes(error.code))) throw error;
    });
    for (; entry?.owner === incarnation; entry = this.index.entry(state)) {
      if (await this.lease.writer.remove(state, entry.eventId)) return;
      if (this.index.entry(state)?.eventId === entry.eventId) return;
    }
  }

  /** Removes the state of a run that this node has claimed, and was not told that it was stored. */
  private removeOrphan(state: string): void {
    const entry = this.own(state);
    if (!entry || this.runs.has(entry.run.topic) || this.isClosed) return;
    Promise.resolve()
      .then(() => !this.runs.has(entry.run.topic) && this.lease.writer.remove(state, entry.eventId))
      .catch((error: unknown) => {
        if (!(error instanceof PushError)) this.report(error);
      });
  }
}
