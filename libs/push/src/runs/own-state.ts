import { setTimeout as delay } from 'node:timers/promises';
import { PushError } from '../contracts/errors.js';
import type { OwnedWriter } from '../state/owned-writer.js';
import type { RunState } from './run-events.js';
import type { RunEntry } from './run-index.js';

/** Progress is written at most once in so many milliseconds. */
const interval = 100;

/** The most characters of a message. */
const longestMessage = 1_024;

/** What the state of a run needs besides. */
export interface StateContext {
  readonly writer: OwnedWriter;
  /** What the log has of a topic, as far as this node has read, if it is this node's own. */
  own(topic: string): RunEntry | undefined;
  /** Something else is there: another node has taken the run over. */
  onTaken(): void;
  onError(error: unknown): void;
}

/** The state of one run of this node, `$run.<topic>`: it is written here alone, one write after the other, by compare and set. */
export class OwnState {
  private said: Pick<RunState, 'progress' | 'message'> = {};
  /** What is said and not written, if anything. */
  private isDirty = false;
  private isClosed = false;
  /** The id of its newest event. */
  private id: string | undefined;
  /** The write that is on its way. */
  private writing: Promise<unknown> = Promise.resolve();
  private isBusy = false;

  /** @param topic of the state */
  constructor(
    private readonly topic: string,
    private readonly run: Pick<RunState, 'id' | 'startedAt'>,
    private readonly context: StateContext,
  ) {}

  /**
   * Claims the topic for this run. Resolves with the id of the event, or `undefined` if there is a run already, of which this node
   * has read by then.
   *
   * @throws PushError `UNAVAILABLE`, `CLOSED`
   */
  async claim(): Promise<string | undefined> {
    const stored = await this.context.writer.set(this.topic, this.text, undefined);
    return (this.id = stored?.id);
  }

  /** See `RunContext.progress`. */
  progress(fraction: number, message?: string): void {
    if (typeof fraction !== 'number' || Number.isNaN(fraction))
      throw new PushError(
        'INVALID_OPTION',
        `The progress of a run is a number from 0 to 1, not ${fraction}.`,
      );
    if (message !== undefined && typeof message !== 'string')
      throw new PushError('INVALID_OPTION', 'The message of a progress is a string.');
    this.said = {
      progress: Math.min(1, Math.max(0, fraction)),
      ...(message !== undefined && { message: message.slice(0, longestMessage) }),
    };
    this.isDirty = true;
    if (!this.isBusy) this.writeAll().catch(this.context.onError);
  }

  /**
   * Writes it again, after everything that this node has sent before. Resolves with the id of the event, or `undefined` if the run
   * was taken over.
   *
   * @throws PushError `UNAVAILABLE`, `CLOSED`
   */
  async write(): Promise<string | undefined> {
    const before = this.writing;
    const writing = before.catch(() => undefined).then(() => this.set());
    this.writing = writing;
    return writing;
  }

  /** Nothing of it is written any more. */
  close(): void {
    this.isClosed = true;
  }

  /**
   * Removes it. Resolves when it is removed, or something else is there.
   *
   * @throws PushError `UNAVAILABLE`, `CLOSED`
   */
  async remove(): Promise<void> {
    this.close();
    await this.writing.catch(() => undefined);
    while (this.id !== undefined) {
      const isRemoved = await this.context.writer.remove(this.topic, this.id);
      this.id = isRemoved ? undefined : this.otherId;
    }
  }

  private async writeAll(): Promise<void> {
    this.isBusy = true;
    while (this.isDirty && !this.isClosed) {
      await this.write().catch((error: unknown) => {
        // What is away comes back: others report that.
        if (!(error instanceof PushError)) throw error;
        this.isDirty = true;
      });
      await delay(interval, undefined, { ref: false });
    }
    this.isBusy = false;
  }

  private async set(): Promise<string | undefined> {
    if (this.isClosed || this.id === undefined) return undefined;
    this.isDirty = false;
    const stored = await this.context.writer.set(this.topic, this.text, this.id);
    if (stored) return (this.id = stored.id);
    this.id = this.otherId;
    if (this.id !== undefined) return this.set();
    this.context.onTaken();
    return undefined;
  }

  /** An event of its own that this node did not know to be stored. */
  private get otherId(): string | undefined {
    const entry = this.context.own(this.topic);
    const isSame = entry?.run.id === this.run.id && entry.run.startedAt === this.run.startedAt;
    return isSame && entry.eventId !== this.id ? entry.eventId : undefined;
  }

  private get text(): string {
    return JSON.stringify({ ...this.run, ...this.said } satisfies RunState);
  }
}
