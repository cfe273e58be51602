import { setTimeout as delay } from 'node:timers/promises';
import type { EventBus } from '../bus/event-bus.js';
import { PushError } from '../contracts/errors.js';
import { runTopicOf } from '../contracts/reserved.js';
import type { Hub } from '../hub/hub.js';
import { defaultLease, type NodeLease } from '../state/node-lease.js';
import { joinStrings, type Join } from './chunk-joiner.js';
import { chunksOf, type ChunkSource } from './chunk-source.js';
import { KeptChunks } from './kept-chunks.js';
import { OwnState } from './own-state.js';
import { Pump } from './pump.js';
import { retried } from './retried.js';
import { endedRunOf } from './run-events.js';
import type { RunEntry } from './run-index.js';
import { hasEnded, RunLog } from './run-log.js';
import { RunWatch } from './run-watch.js';
import type { RunFactory, RunOptions, RunReason, RunResult } from './run.js';

/** How long a source may take to stop, in milliseconds. */
const stopPatience = 1_000;

const defaultJoinFor = 40;

/** What the runs of a node need. */
export interface RunsContext {
  readonly bus: EventBus;
  readonly hub: Hub;
  readonly lease: NodeLease;
  readonly maxEventBytes: number;
  /** What the log has of the state of a run, as far as this node has read, if it is this node's own. */
  own(topic: string): RunEntry | undefined;
  report(error: unknown): void;
}

/** Why a run ends. */
interface Outcome {
  readonly reason: RunReason;
  readonly error?: unknown;
  readonly result?: unknown;
}

/** A run of this node, from its claim to the end of its topic. */
export class OwnRun<Chunk = unknown> {
  readonly done: Promise<RunResult>;
  readonly state: OwnState;
  readonly watch: RunWatch;
  private readonly log: RunLog;
  private readonly aborter = new AbortController();
  private readonly settle: (result: RunResult) => void;
  private readonly kept: KeptChunks<Chunk> | undefined;
  private source: ChunkSource<Chunk> | undefined;
  private outcome: Outcome | undefined;
  private hasBegun = false;

  constructor(
    private readonly context: RunsContext,
    readonly topic: string,
    readonly id: string,
    private readonly options: RunOptions<Chunk>,
  ) {
    const { hub, bus, lease, report, own, maxEventBytes } = context;
    const { writer } = lease;
    const { compact, type } = options;
    const lost = () => this.stop('lost');
    const run = { id, startedAt: Date.now() };
    this.state = new OwnState(runTopicOf(topic), run, { writer, own, onTaken: lost, onError: report });
    this.watch = new RunWatch(hub, topic, { changed: () => this.changed(), lost });
    const { state, watch } = this;
    this.log = new RunLog({ bus, lease, watch, state, id, type, signal: this.signal });
    if (compact) this.kept = new KeptChunks(compact, maxEventBytes);
    let settle: (result: RunResult) => void = () => undefined;
    this.done = new Promise((resolve) => (settle = resolve));
    this.settle = settle;
  }

  /** Calls the factory, and goes on by itself. */
  begin(factory: RunFactory<Chunk>): void {
    const { context } = this;
    this.hasBegun = true;
    this.changed();
    const { lease = defaultLease, timeout } = this.options;
    const giveBack = context.lease.ask(lease);
    const timer = timeout === undefined ? undefined : setTimeout(() => this.stop('timeout'), timeout).unref();
    this.finished(factory)
      .then((result) => this.settle(result))
      .catch(context.report)
      .finally(() => {
        clearTimeout(timer);
        giveBack();
      })
      .catch(context.report);
  }

  /** Ends it before its source, unless it ends already. */
  stop(reason: RunReason): void {
    const name = reason === 'timeout' ? 'TimeoutError' : 'AbortError';
    const abortion = new DOMException(`The run of ${this.topic} has ended: ${reason}.`, name);
    if (this.end({ reason })) this.aborter.abort(abortion);
  }

  private get signal(): AbortSignal {
    return this.aborter.signal;
  }

  /** Returns whether it did not end already. */
  private end(outcome: Outcome): boolean {
    if (this.outcome) return false;
    this.outcome = outcome;
    this.state.close();
    return true;
  }

  private changed(): void {
    const { end, wasForgotten } = this.watch;
    // What a node reads late, and was before the claim, says nothing of this run.
    if (!this.hasBegun || (!end && !wasForgotten)) return;
    const reason = end ? endedRunOf(end).reason : 'cancelled';
    // A source may do anything when it is aborted, and the hub must not be called from inside of a delivery.
    setImmediate(() => this.stop(reason));
  }

  /** Does it, to the end of its topic. */
  private async finished(factory: RunFactory<Chunk>): Promise<RunResult> {
    const { topic, id } = this;
    try {
      if (!this.outcome) await this.live(factory);
    } catch (error) {
      await this.fail(error);
    }
    const stopped = this.signal.aborted ? this.stopSource() : undefined;
    const { error, reason, result } = this.outcome!;
    const holds = await this.endTopic(reason, result);
    await retried(() => this.state.remove()).catch((failure: unknown) => {
      if (!isClosed(failure)) this.context.report(failure);
    });
    await stopped;
    this.watch.stop();
    return { topic, id, reason: holds, ...(error !== undefined && { error }) };
  }

  private async live(factory: RunFactory<Chunk>): Promise<void> {
    const { topic, id, signal, state, kept } = this;
    const progress = (fraction: number, message?: string) => state.progress(fraction, message);
    const making = Promise.resolve(factory(signal, { id, topic, progress }));
    const made = await this.unlessAborted(making);
    if (signal.aborted) {
      // What comes too late is stopped.
      making.then((late) => chunksOf(late)?.stop()).catch(() => undefined);
      return;
    }
    this.source = chunksOf(made);
    if (this.source) await this.pump(this.source);
    if (!this.outcome) this.end({ reason: 'done', result: kept && (await this.resultOf(kept)) });
  }

  /** What the end carries. Without it, the topic ends all the same. */
  private async resultOf(kept: KeptChunks<Chunk>): Promise<unknown> {
    const compacted = (async () => kept.result())();
    return this.unlessAborted(compacted).catch((error: unknown) => this.context.report(error));
  }

  private pump(source: ChunkSource<Chunk>): Promise<void> {
    const { joinFor = defaultJoinFor, join = joinStrings as Join<Chunk> } = this.options;
    const { signal, kept, log, context } = this;
    const onChunk = kept && ((chunk: Chunk, bytes: number) => kept.add(chunk, bytes));
    const store = (events: readonly Chunk[]) => log.store(events);
    return new Pump(source, store, {
      joinFor,
      join,
      maxBytes: context.maxEventBytes,
      signal,
      onChunk,
    }).run();
  }

  /** Something was thrown. */
  private async fail(error: unknown): Promise<void> {
    // What it throws when it is aborted says nothing.
    if (this.outcome) return;
    if (hasEnded(error)) return this.stop(await this.reasonOfEnd());
    if (isClosed(error)) return this.stop('lost');
    this.context.report(error);
    if (this.end({ reason: 'failed', error })) this.aborter.abort(error);
  }

  /** Why the topic has ended, which the log of this node will say. */
  private async reasonOfEnd(): Promise<RunReason> {
    const end = await this.watch.untilEnded().catch(() => undefined);
    return end ? endedRunOf(end).reason : 'cancelled';
  }

  private async endTopic(reason: RunReason, result: unknown): Promise<RunReason> {
    try {
      return await this.log.end(reason, result);
    } catch (error) {
      // While the node shuts down, others end it.
      if (isClosed(error)) return reason;
      this.context.report(error);
      return result === undefined ? reason : this.endTopic(reason, undefined);
    }
  }

  /** Waits for a source to stop, but not for ever. */
  private async stopSource(): Promise<void> {
    const late = new AbortController();
    const time = delay(stopPatience, undefined, { signal: late.signal, ref: false }).catch(() => undefined);
    await Promise.race([(async () => this.source?.stop())().catch(() => undefined), time]);
    late.abort();
  }

  /** What a promise brings; `undefined` if the run ends before. */
  private unlessAborted<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      promise.then(resolve, reject);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
      if (signal.aborted) resolve(undefined);
    });
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof PushError && error.code === 'CLOSED';
}
