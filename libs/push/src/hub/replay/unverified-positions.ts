import type { Position } from '../../contracts/position.js';

/** Milliseconds until the backplane is asked again. */
const retryDelay = 300;

/** Why a position is not one of a log: it is of another log, or after the head. */
export type Mismatch = 'epoch' | 'future';

/** A position that a client resumes from, and that this node has not reached. */
interface UnverifiedPosition {
  readonly position: Position;
  readonly settle: (mismatch: Mismatch | undefined) => void;
  /** The log goes that far: the client waits until this node does. */
  isVerified: boolean;
}

/**
 * Positions that this node has not reached, in its log or in one that it has not heard of yet. Clients bring them from a
 * node that is ahead of this one. Only the backplane knows where the log ends: a position that is in the log waits until
 * this node is there, and any other one is a mismatch.
 */
export class UnverifiedPositions {
  private readonly waiting = new Set<UnverifiedPosition>();
  private isAsking = false;
  private isScheduled = false;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param reachedPosition the head of the log as this node has it
   * @param head asks the backplane for the head of the log
   * @param onError is told of what fails while clients are answered
   */
  constructor(
    private readonly reachedPosition: () => Position,
    private readonly head: () => Promise<Position>,
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {}

  get size(): number {
    return this.waiting.size;
  }

  /**
   * Calls `settle` once, and not before this returns: with a mismatch as soon as the backplane has shown one, or without as
   * soon as this node has reached the position. Returns a function that cancels that; it MUST be called when another log
   * takes the place of the client's.
   */
  verify(position: Position, settle: (mismatch: Mismatch | undefined) => void): () => void {
    const entry: UnverifiedPosition = { position, settle, isVerified: false };
    this.waiting.add(entry);
    this.askSoon();
    return () => {
      this.waiting.delete(entry);
    };
  }

  /** This node has come further in its log. */
  reached(): void {
    if (this.waiting.size === 0) return;
    const { epoch, sequence } = this.reachedPosition();
    for (const entry of this.waiting) {
      if (entry.position.epoch === epoch && entry.position.sequence <= sequence) this.settle(entry);
    }
  }

  /** Settles nothing any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.waiting.clear();
  }

  /** Asks once for all positions that have come by the end of this turn. */
  private readonly askSoon = (): void => {
    clearTimeout(this.timer);
    if (this.isScheduled || this.isAsking) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.ask().catch(this.onError);
    });
  };

  private async ask(): Promise<void> {
    this.isScheduled = false;
    this.isAsking = true;
    const asked = this.notVerified;
    // While the server is away clients wait: the backplane itself reports the outage.
    const head = asked.length > 0 ? await this.head().catch(() => undefined) : undefined;
    this.isAsking = false;
    // If this node is in another log, it is about to be told of the new one.
    const isSameLog = head?.epoch === this.reachedPosition().epoch;
    if (isSameLog) for (const entry of asked) this.compare(entry, head);
    if (this.notVerified.length === 0) return;
    if (isSameLog) this.askSoon();
    else this.timer = setTimeout(this.askSoon, retryDelay).unref();
  }

  private get notVerified(): UnverifiedPosition[] {
    return [...this.waiting].filter(({ isVerified }) => !isVerified);
  }

  private compare(entry: UnverifiedPosition, head: Position): void {
    if (!this.waiting.has(entry)) return;
    const mismatch = mismatchOf(entry.position, head);
    if (mismatch) this.settle(entry, mismatch);
    else entry.isVerified = true;
  }

  private settle(entry: UnverifiedPosition, mismatch?: Mismatch): void {
    this.waiting.delete(entry);
    entry.settle(mismatch);
  }
}

/** Why no client can have read up to `position` in a log with this head; `undefined` if one can. */
export function mismatchOf(position: Position, head: Position): Mismatch | undefined {
  if (position.epoch !== head.epoch) return 'epoch';
  return position.sequence > head.sequence ? 'future' : undefined;
}
