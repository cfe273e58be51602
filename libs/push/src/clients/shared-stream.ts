import type { Batch, Derivation } from '../contracts/event.js';
import type { CompressionBudget } from './compression-budget.js';

/** How often members may join, in milliseconds. A reset costs all others what they have in common. */
const resetInterval = 250;

/** Members join once a quarter of all waits, or after so many batches. */
const waitingPart = 1 / 4;
const mostWaited = 20;

/** Compresses batches for one audience, on one kind of connection. */
export interface Compressor {
  /** What comes next can be read by everybody. */
  reset(): void;
  /** Compresses the bytes of a batch. All members get the result, one after the other. */
  compress(bytes: Buffer): Buffer;
  /** The same, without the work: the bytes go out as they are. */
  store(bytes: Buffer): Buffer;
}

/** A batch as the members of a stream get it. */
export interface CompressedBatch {
  readonly bytes: Buffer;
  /** The state that a member has to be in to read it; `undefined` if everybody can. */
  readonly after: number | undefined;
  /** The state of a member that has got it. */
  readonly state: number;
}

/** A client's place in a stream. */
export interface Membership {
  /** Which batches it has got: see `CompressedBatch`. `undefined` while it waits to join. */
  state: number | undefined;
}

/**
 * The compressed batches of an audience. All members share one compressor with its context. A member that has not got all that
 * the others have, because it has just come, was slow, or was sent something else, gets plain bytes until the next reset.
 */
export class SharedStream implements Derivation<CompressedBatch> {
  /** How many members it has. */
  size = 0;
  private state = 0;
  private resetAt = -Infinity;
  private sinceReset = 0;
  /** How many members could not read the latest batch. */
  private waiting = 0;

  constructor(
    private readonly compressor: Compressor,
    private readonly bytesOf: (batch: Batch) => Buffer,
    private readonly budget: Pick<CompressionBudget, 'take'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The bytes of a batch for a member that has got the batches before it in this stream; `undefined` if it gets plain bytes. */
  next(batch: Batch, member: Membership): Buffer | undefined {
    const { bytes, after, state } = batch.derived(this);
    if (after !== undefined && after !== member.state) {
      member.state = undefined;
      this.waiting++;
      return undefined;
    }
    member.state = state;
    return bytes;
  }

  /** Compresses a batch, when the first member gets it. @internal */
  derive(batch: Batch): CompressedBatch {
    const plain = this.bytesOf(batch);
    const isCompressed = this.budget.take(plain.length, this.size);
    const isReset = isCompressed && this.isDue;
    if (isReset) {
      this.compressor.reset();
      // Those who come with the first batch join at the second.
      if (this.state > 0) this.resetAt = this.now();
      this.sinceReset = 0;
    }
    this.waiting = 0;
    this.sinceReset++;
    const after = isReset ? undefined : this.state;
    const { compressor } = this;
    const bytes = isCompressed ? compressor.compress(plain) : compressor.store(plain);
    return { bytes, after, state: ++this.state };
  }

  /** Whether members join now. */
  private get isDue(): boolean {
    if (this.state === 0) return true;
    if (this.waiting === 0) return false;
    const isWorthIt = this.waiting >= this.size * waitingPart || this.sinceReset >= mostWaited;
    return isWorthIt && this.now() - this.resetAt >= resetInterval;
  }
}
