import { milliseconds, number, type Checks } from '../../contracts/option-checks.js';
import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';

/** How long and how much may wait for a server. */
export interface WaitLimits {
  /**
   * How long an event may wait to be stored, in milliseconds, before publishing it fails with `UNAVAILABLE`. Default:
   * 10,000.
   */
  readonly publishTimeout?: number;
  /** How many events may wait to be stored; publishing more fails with `UNAVAILABLE` at once. Default: 10,000. */
  readonly maxWaiting?: number;
  /** How many bytes of events may wait to be stored. Default: 33,554,432 (32 MiB). */
  readonly maxWaitingBytes?: number;
}

/** What each of the limits takes. */
export const waitChecks: Checks<WaitLimits> = {
  publishTimeout: milliseconds,
  maxWaiting: number({ least: 1, infinite: true, of: 'events' }),
  maxWaitingBytes: number({ least: 1, infinite: true, of: 'bytes' }),
};

/** One call of `append`: a draft, and the promise of its position. */
export class PendingAppend {
  readonly promise: Promise<Position>;
  /** How much of `maxWaitingBytes` it takes. */
  readonly bytes: number;
  /** Whether it was stored or given up. Settling it again does nothing. */
  settled = false;
  /** Whether the queue has forgotten it. */
  done = false;
  private resolvePromise!: (position: Position) => void;
  private rejectPromise!: (error: PushError) => void;

  /**
   * @param number counts the appends of this node, from 1: with `LogNode.id` a name by which a server can recognize it
   * @param expires when it is given up, on the monotonic clock
   */
  constructor(
    readonly draft: Draft,
    readonly number: number,
    readonly expires: number,
  ) {
    this.bytes =
      draft.topic.length + draft.data.length + (draft.meta ? JSON.stringify(draft.meta).length : 0);
    this.promise = new Promise((resolve, reject) => {
      this.resolvePromise = resolve;
      this.rejectPromise = reject;
    });
  }

  resolve(position: Position): void {
    this.settled = true;
    this.resolvePromise(position);
  }

  reject(error: PushError): void {
    this.settled = true;
    this.rejectPromise(error);
  }
}

/**
 * Appends that wait to be stored, in call order: bounded in number, bytes and time. An append that was taken still counts
 * until `done` is called with it, because it still holds memory and still runs out of time.
 */
export class AppendQueue {
  private waiting: PendingAppend[] = [];
  /**
   * Those that wait and those that were taken, oldest first. All may wait equally long, so they also expire in this order. Some
   * that are done are still in it. It is no `Set`: each table of a `Set` points to the one that replaced it, and in V8 one
   * table that grew old keeps all later ones, with all appends that they ever held, until the next full garbage collection.
   */
  private all: PendingAppend[] = [];
  /** How many of these are not done, and how many bytes they have. */
  private held = 0;
  private bytes = 0;
  private count = 0;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private onEmpty: (() => void) | undefined;
  private readonly limits: Required<WaitLimits>;

  /**
   * @param onAdded called when there is something to take
   * @param reason says why appends wait, for error messages
   * @throws PushError `INVALID_OPTION`
   */
  constructor(
    limits: WaitLimits,
    private readonly onAdded: () => void,
    private readonly reason: () => string | undefined,
  ) {
    for (const name of ['publishTimeout', 'maxWaiting', 'maxWaitingBytes'] as const)
      waitChecks[name](limits[name], name);
    this.limits = {
      publishTimeout: limits.publishTimeout ?? 10_000,
      maxWaiting: limits.maxWaiting ?? 10_000,
      maxWaitingBytes: limits.maxWaitingBytes ?? 32 * 1024 * 1024,
    };
  }

  /** How many events are to be stored. */
  get size(): number {
    return this.held;
  }

  get hasWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** Adds a draft at the end. The promise rejects with `UNAVAILABLE` if there is no room, or if its time is over. */
  add(draft: Draft): Promise<Position> {
    const append = new PendingAppend(draft, ++this.count, performance.now() + this.limits.publishTimeout);
    const refusal = this.refusal(append);
    if (refusal) {
      append.reject(refusal);
      return append.promise;
    }
    this.all.push(append);
    this.held++;
    this.bytes += append.bytes;
    this.waiting.push(append);
    this.schedule();
    this.onAdded();
    return append.promise;
  }

  /**
   * Takes the oldest appends that wait, in order: at most `events` of them, and about `bytes`. It takes at least one, if
   * there is one, however large.
   */
  take(events: number, bytes: number): PendingAppend[] {
    let taken = 0;
    let end = 0;
    while (end < this.waiting.length && end < events && taken < bytes) taken += this.waiting[end++]!.bytes;
    return this.waiting.splice(0, end).filter((append) => !append.settled);
  }

  /** Forgets appends that were taken, because they are stored or given up. */
  done(appends: readonly PendingAppend[]): void {
    for (const append of appends) {
      if (append.done) continue;
      append.done = true;
      this.held--;
      this.bytes -= append.bytes;
    }
    if (this.all.length > 2 * this.held) this.all = this.all.filter(({ done }) => !done);
    if (this.held === 0) this.onEmpty?.();
  }

  /** Takes no more appends, waits up to `milliseconds` until those that wait are stored, and rejects the rest with `CLOSED`. */
  async close(milliseconds: number): Promise<void> {
    this.closed = true;
    if (this.held > 0 && milliseconds > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearTimeout(this.timer);
    for (const append of this.all) if (!append.settled) append.reject(closedError());
    this.done(this.all);
    this.waiting = [];
  }

  private refusal(append: PendingAppend): PushError | undefined {
    if (this.closed) return closedError();
    const { maxWaiting, maxWaitingBytes } = this.limits;
    if (this.held < maxWaiting && this.bytes + append.bytes <= maxWaitingBytes) return undefined;
    const limit =
      this.held >= maxWaiting
        ? `${maxWaiting} events (maxWaiting)`
        : `${maxWaitingBytes} bytes (maxWaitingBytes)`;
    return this.unavailable(`The event was not stored: ${limit} wait already`);
  }

  private schedule(): void {
    if (this.timer) return;
    for (const append of this.all) {
      if (append.settled) continue;
      this.timer = setTimeout(() => this.expire(), Math.max(1, append.expires - performance.now())).unref();
      return;
    }
  }

  private expire(): void {
    this.timer = undefined;
    const now = performance.now();
    const late = this.all.filter((append) => append.expires <= now);
    for (const append of late) {
      if (append.settled) continue;
      append.reject(
        this.unavailable(`The event could not be stored within ${this.limits.publishTimeout} ms`),
      );
    }
    // Appends that were taken are few, and the appender calls `done` with them soon.
    this.done(late);
    this.waiting = this.waiting.filter((append) => !append.settled);
    this.schedule();
  }

  private unavailable(what: string): PushError {
    const reason = this.reason();
    const message = `${what}${reason ? ` (${reason})` : ''}. Publish it again, with a messageId if it must not be stored twice.`;
    return new PushError('UNAVAILABLE', message);
  }
}

function closedError(): PushError {
  return new PushError('CLOSED', 'The backplane is closed: the application shuts down.');
}
