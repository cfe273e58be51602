import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { DeclaredTopic, PayloadOf, PushTopics, ResultOf } from '../bus/declared-topics.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import { EventBus } from '../bus/event-bus.js';
import { endedError } from '../contracts/end.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { pushSettings } from '../contracts/settings.js';
import { assertPattern, covers } from '../contracts/topic.js';
import { Hub } from '../hub/hub.js';
import { NodeLease } from '../state/node-lease.js';
import { ForeignRun } from './foreign-run.js';
import { OwnRun, type RunsContext } from './own-run.js';
import { endedRunOf, runEndMeta, runningOf } from './run-events.js';
import { hasEnded } from './run-log.js';
import { assertRunnable, checkRun } from './run-options.js';
import { RunWatch } from './run-watch.js';
import { RunsNode } from './runs-node.js';
import type { Run, RunFactory, RunningRun, RunOptions, RunResult, RunStatus } from './run.js';

/** How many runs one node may have. */
const mostRuns = 10_000;

/** How often a claim is tried that others keep winning, and whose runs keep being over at once. */
const mostAttempts = 10;

/** A run that a caller is attached to. */
interface Attached {
  readonly topic: string;
  readonly id: string;
  readonly done: Promise<RunResult>;
}

/**
 * Runs: producers that are cut loose from the request. A run writes a finite topic (`finite: true`) and ends it. It goes on when
 * the browser leaves, is never done twice at once, can be cancelled from any node, and is ended by another node if its own dies.
 */
@Injectable()
export class Runs {
  private readonly node: RunsNode;
  private readonly context: RunsContext;
  /** Claims that are on their way, by topic. */
  private readonly starting = new Map<string, Promise<unknown>>();
  private readonly foreign = new Map<string, ForeignRun>();

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(NodeLease) private readonly lease: NodeLease,
    @Inject(ErrorReporter) errors: ErrorReporter,
    @Inject(pushSettings) { maxEventBytes }: { readonly maxEventBytes: number },
  ) {
    const report = (error: unknown) => errors.report(error, { stage: 'run' });
    const node = (this.node = new RunsNode(lease, bus, report));
    const own = (state: string) => node.own(state);
    this.context = { bus, hub, lease, maxEventBytes, own, report };
    if (hub.retention.hasEnds) lease.hold(node);
  }

  /**
   * Starts a run, unless `topic` has one: then the caller is attached to that, and `factory` is not called.
   *
   * @param topic a finite topic. It has one run in its life
   * @param factory makes what the run writes
   * @returns once the run is claimed, or the one that there is was found. Await its `done` for the end
   * @throws PushError (the promise rejects) `INVALID_TOPIC`; `INVALID_OPTION`, also for a topic that is not finite; `CONFLICT` if a
   * run of another `id` runs; `ENDED` if the topic has ended by anything but this run; `LIMIT_EXCEEDED` if this node has 10,000 runs;
   * `UNAVAILABLE`, `CLOSED`
   */
  start<Chunk extends PayloadOf<PushTopics, Topic>, const Topic extends string = string>(
    topic: DeclaredTopic<PushTopics, Topic>,
    factory: RunFactory<Chunk>,
    options?: RunOptions<Chunk, ResultOf<PushTopics, Topic>>,
  ): Promise<Run>;
  async start<Chunk>(
    topic: string,
    factory: RunFactory<Chunk>,
    options: RunOptions<Chunk> = {},
  ): Promise<Run> {
    checkRun(factory, options);
    assertRunnable(topic, this.hub.retention);
    await this.node.whenOpen();
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const run = await this.tryStart(topic, factory, options);
      if (run) return run;
    }
    throw new PushError('UNAVAILABLE', `${topic} is claimed by others all the time. Try again.`);
  }

  /**
   * Cancels the run of a topic, on whichever node it is: the topic ends, `cancelled`, and the run's signal is aborted.
   *
   * @returns whether this has ended it: `false` if nothing runs there, or it has ended before
   * @throws PushError (the promise rejects) `INVALID_TOPIC`, `INVALID_OPTION`; `UNAVAILABLE`, `CLOSED`
   */
  async cancel(topic: string): Promise<boolean> {
    assertRunnable(topic, this.hub.retention);
    await this.node.whenOpen();
    const id = this.node.entry(topic)?.run.id ?? (await this.justStarted(topic));
    if (id === undefined) return false;
    try {
      await this.bus.end(topic, { reason: 'cancelled', meta: runEndMeta(id) });
      return true;
    } catch (error) {
      if (hasEnded(error)) return false;
      throw error;
    }
  }

  /**
   * What the log of this node says of a topic's run.
   *
   * @returns `undefined` if the topic has none, and has not ended
   * @throws PushError (the promise rejects) `INVALID_TOPIC`, `INVALID_OPTION`; `UNAVAILABLE`
   */
  async status(topic: string): Promise<RunStatus | undefined> {
    assertRunnable(topic, this.hub.retention);
    const { end, state } = await this.look(topic);
    return end ? endedRunOf(end) : state && runningOf(state);
  }

  /**
   * What runs on all nodes, as far as this node knows.
   *
   * @param pattern of the topics. Default: all
   * @throws PushError `INVALID_TOPIC`
   */
  running(pattern = '>'): RunningRun[] {
    assertPattern(pattern);
    const all = this.node.all().map(({ run }) => run);
    return all.filter(({ topic }) => covers(pattern, topic));
  }

  /**
   * Resolves when this node has read what the log has now: what other nodes have begun before the call, it knows then.
   *
   * @throws PushError (the promise rejects) `UNAVAILABLE`
   */
  caughtUp(): Promise<void> {
    return this.lease.caughtUp();
  }

  /** Attaches to the run that a topic has, or claims it; `undefined` to try again, because others have changed that meanwhile. */
  private async tryStart<Chunk>(
    topic: string,
    factory: RunFactory<Chunk>,
    options: RunOptions<Chunk>,
  ): Promise<Run | undefined> {
    const before = this.starting.get(topic);
    if (before) return before.then(again, again);
    const run = await this.attached(topic, options.id);
    if (run) return run;
    const isTaken = this.starting.has(topic) || this.node.at(topic) !== undefined;
    return isTaken ? undefined : this.claim(topic, factory, options);
  }

  /** The run that a topic has. */
  private async attached(topic: string, id: string | undefined): Promise<Run | undefined> {
    const there = this.node.at(topic) ?? this.node.entry(topic)?.run;
    if (!there) return undefined;
    if (id !== undefined && id !== there.id) return this.unlessOver(topic, id);
    return this.handle(this.node.at(topic) ?? (await this.other(topic, there.id)));
  }

  /** Another run than `wanted` is there, as far as this node has read: it may be over. */
  private async unlessOver(topic: string, wanted: string): Promise<Run | undefined> {
    await this.caughtUp();
    const { end, state } = await this.look(topic);
    if (end) return this.ended(end, wanted);
    const id = state && runningOf(state).id;
    if (id === undefined || id === wanted) return undefined;
    const advice = 'Start it with that id, with none, or cancel that one.';
    throw new PushError('CONFLICT', `${topic} has the run ${id} already. ${advice}`);
  }

  /** A run of another node. All who wait for it share one watch. */
  private async other(topic: string, id: string): Promise<ForeignRun> {
    const known = this.foreign.get(topic);
    if (known?.id === id) return known;
    const run = new ForeignRun(this.hub, topic, id);
    await run.start();
    this.foreign.set(topic, run);
    const forget = () => this.foreign.get(topic) === run && this.foreign.delete(topic);
    run.done.then(forget).catch(this.context.report);
    return run;
  }

  private claim<Chunk>(
    topic: string,
    factory: RunFactory<Chunk>,
    options: RunOptions<Chunk>,
  ): Promise<Run | undefined> {
    if (this.node.size >= mostRuns)
      throw new PushError(
        'LIMIT_EXCEEDED',
        `This node has ${mostRuns} runs already. Start it on another one.`,
      );
    const run = new OwnRun(this.context, topic, options.id ?? randomUUID(), options);
    this.node.add(run);
    const claimed = this.begin(run, factory, options.id).finally(() => this.starting.delete(topic));
    this.starting.set(topic, claimed);
    return claimed;
  }

  /** Begins a run, if the topic is to be had; `undefined` if it has another one. */
  private async begin<Chunk>(
    run: OwnRun<Chunk>,
    factory: RunFactory<Chunk>,
    id: string | undefined,
  ): Promise<Run | undefined> {
    let end: LogEvent | undefined;
    try {
      // It is read while the claim is on its way, and whatever has ended the topic before comes before the claim.
      const watching = run.watch.start();
      watching.catch(() => undefined);
      const claim = await run.state.claim();
      if (claim !== undefined) {
        await watching;
        await run.watch.reached(claim);
        end = run.watch.end;
      }
      if (claim === undefined || end) await this.drop(run);
      if (claim === undefined) return undefined;
    } catch (error) {
      await this.drop(run).catch(() => undefined);
      throw error;
    }
    if (end) return this.ended(end, id);
    const done = run.done.finally(() => this.node.delete(run));
    done.catch(this.context.report);
    run.begin(factory);
    return { ...this.handle({ topic: run.topic, id: run.id, done }), isOwn: true };
  }

  private async drop<Chunk>(run: OwnRun<Chunk>): Promise<void> {
    run.watch.stop();
    await run.state.remove().finally(() => this.node.delete(run));
  }

  /** The run that has ended a topic. */
  private ended(end: LogEvent, wanted: string | undefined): Run {
    const { topic, id, reason } = endedRunOf(end);
    if (id === undefined || (wanted !== undefined && wanted !== id)) throw endedError(topic);
    return this.handle({ topic, id, done: Promise.resolve({ topic, id, reason }) });
  }

  private handle({ topic, id, done }: Attached): Run {
    const progress = (fraction: number, message?: string) =>
      this.node.at(topic)?.state.progress(fraction, message);
    return { topic, id, isOwn: false, done, cancel: () => this.cancel(topic), progress };
  }

  /** The id of the run of a topic that this node has not read of yet, if there is one. */
  private async justStarted(topic: string): Promise<string | undefined> {
    await this.caughtUp();
    const { state } = await this.look(topic);
    return state && runningOf(state).id;
  }

  private async look(topic: string): Promise<RunWatch> {
    const watch = new RunWatch(this.hub, topic);
    try {
      await watch.start();
      return watch;
    } finally {
      watch.stop();
    }
  }
}

/** What was awaited says nothing about the next attempt. */
const again = () => undefined;
