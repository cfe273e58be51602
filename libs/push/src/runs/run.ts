import type { RunSource } from './chunk-source.js';

/**
 * Why a run has ended:
 *
 * - `done`: its source has ended
 * - `failed`: its source, or a function of its options, has thrown; or something that it brought cannot be published
 * - `cancelled`: by `Runs.cancel()`
 * - `timeout`: it took longer than its `timeout`
 * - `lost`: its node has died, was paused for longer than its lease, or has shut down; or the log has lost events of it
 *
 * Another word if the application has ended the topic by itself (`EventBus.end()`).
 */
export type RunReason = 'done' | 'failed' | 'cancelled' | 'timeout' | 'lost' | (string & {});

/** How a run has ended. */
export interface RunResult {
  readonly topic: string;
  readonly id: string;
  readonly reason: RunReason;
  /** What was thrown, if the run has `failed` on this node. */
  readonly error?: unknown;
}

/** What the factory of a run gets, besides its signal. */
export interface RunContext {
  readonly id: string;
  readonly topic: string;
  /**
   * Says how far it is, to readers of `$run.<topic>` and to `Runs.status()`. Written ten times a second at most, and the last
   * one wins. It does not throw because of the log.
   *
   * @param fraction from 0 to 1; what is outside of that is taken as the nearer of the two
   * @param message for people, 1,024 characters at most: the rest is cut off
   * @throws PushError `INVALID_OPTION` for a fraction that is no number
   */
  readonly progress: (fraction: number, message?: string) => void;
}

/** Makes what a run writes. It is called once, on the node that owns the run, and not because anybody reads. */
export type RunFactory<Chunk = unknown> = (
  /** Aborted when the run ends before its source does. Hand it on to what does the work. */
  signal: AbortSignal,
  run: RunContext,
) => RunSource<Chunk> | Promise<RunSource<Chunk> | void>;

/**
 * How a run is done.
 *
 * @typeParam Chunk what its source brings, piece by piece
 * @typeParam Result what `compact` makes of all pieces
 */
export interface RunOptions<Chunk = unknown, Result = unknown> {
  /**
   * Makes starting idempotent: starting a run with the id of the one that runs, or has ended the topic, attaches to that. 1 to 128
   * visible ASCII characters, such as the id of a job. Default: a new one, and any run of the topic will do.
   */
  readonly id?: string;
  /** The type of its events: see `PublishOptions.type`. Default: none. */
  readonly type?: string;
  /**
   * For how many milliseconds chunks are joined, from 0 to 10,000. A chunk that comes so long after the last event is published at
   * once, and so is the first one; those that come sooner wait until then. With 0 nothing waits; what comes while an event is on
   * its way to the log is still joined. Default: 40.
   */
  readonly joinFor?: number;
  /**
   * Makes one chunk of two that follow each other; `undefined` if they have to stay two events. Default: strings are concatenated,
   * and nothing else is joined.
   */
  readonly join?: (first: Chunk, second: Chunk) => Chunk | undefined;
  /**
   * How many milliseconds after its node's death the run is ended by another one, from 1,000. A node that is paused for longer
   * loses the run too. The shortest of a node's runs holds for all of them. Default: 10,000.
   */
  readonly lease?: number;
  /** After how many milliseconds the run is ended. Default: none. */
  readonly timeout?: number;
  /**
   * Makes the whole result of the chunks: the end of the topic carries it, and readers that ask for the newest event (`last`) get it
   * in place of the chunks. Only for a run that is `done`. All chunks are kept in memory for it, up to four times `maxEventBytes`;
   * if they, or the result, are larger than allowed, the topic ends without it, which is reported.
   */
  readonly compact?: (chunks: readonly Chunk[]) => Result | Promise<Result>;
}

/** A run, as `Runs.start()` gives it to its caller: on the node that does it, or on another one. */
export interface Run {
  readonly topic: string;
  readonly id: string;
  /** Whether this call has started it: `false` if it runs already, here or on another node, or has run. */
  readonly isOwn: boolean;
  /** Resolves when the topic has ended. It never rejects. */
  readonly done: Promise<RunResult>;
  /** As `Runs.cancel()`. */
  cancel(): Promise<boolean>;
  /** As `RunContext.progress`. Without effect unless the run is this node's own. */
  progress(fraction: number, message?: string): void;
}

/** What runs now. */
export interface RunningRun {
  readonly state: 'running';
  readonly topic: string;
  readonly id: string;
  /** Milliseconds since 1970, on the clock of its node. */
  readonly startedAt: number;
  /** From 0 to 1; `undefined` as long as it has not said any. */
  readonly progress?: number;
  readonly message?: string;
}

/** What has run, or was ended without a run. */
export interface EndedRun {
  readonly state: 'ended';
  readonly topic: string;
  /** `undefined` if the topic was ended without a run. */
  readonly id: string | undefined;
  readonly reason: RunReason;
}

/** What is known of a topic's run. */
export type RunStatus = RunningRun | EndedRun;
