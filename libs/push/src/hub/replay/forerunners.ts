import type { Position } from '../../contracts/position.js';

/** How long until the backplane is asked again, in milliseconds. */
const pause = 300;

/** Why a claim cannot be true. */
export type Refusal = 'epoch' | 'future';

/** A reader that says it has read further than this node has. */
interface Forerunner {
  readonly claim: Position;
  readonly settle: (refusal: Refusal | undefined) => void;
  /** The log goes that far: it waits until this node does. */
  isTrue: boolean;
}

/**
 * Readers that come from a node which is ahead of this one: at a position that this node has not reached, or in a log that
 * it has not heard of yet. Where the log ends only the backplane knows. Those that tell the truth wait until this node is there.
 */
export class Forerunners {
  private readonly waiting = new Set<Forerunner>();
  private isAsking = false;
  private isScheduled = false;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param node how far this node is
   * @param end asks the backplane where the log ends
   * @param onError is told of what goes wrong while readers are answered
   */
  constructor(
    private readonly node: () => Position,
    private readonly end: () => Promise<Position>,
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {}

  get size(): number {
    return this.waiting.size;
  }

  /**
   * Calls `settle` once it is known why the claim is false, or once this node has reached it; later, and once. Returns what
   * takes that back: a reader of a log that another one takes the place of MUST do so.
   */
  wait(claim: Position, settle: (refusal: Refusal | undefined) => void): () => void {
    const forerunner: Forerunner = { claim, settle, isTrue: false };
    this.waiting.add(forerunner);
    this.askSoon();
    return () => {
      this.waiting.delete(forerunner);
    };
  }

  /** The node has come further in its log. */
  reached(): void {
    if (this.waiting.size === 0) return;
    const { epoch, sequence } = this.node();
    for (const each of this.waiting) {
      if (each.claim.epoch === epoch && each.claim.sequence <= sequence) this.settle(each);
    }
  }

  /** Gives no more answers. */
  stop(): void {
    clearTimeout(this.timer);
    this.waiting.clear();
  }

  /** One question at a time, for all who have come by the end of this turn. */
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
    const asked = this.doubtful;
    // While the server is away no client is told anything: the backplane says so itself.
    const end = asked.length > 0 ? await this.end().catch(() => undefined) : undefined;
    this.isAsking = false;
    // Where the node is in another log, it is about to be told of the one that there is.
    const isKnown = end?.epoch === this.node().epoch;
    if (isKnown) for (const each of asked) this.judge(each, end);
    if (this.doubtful.length === 0) return;
    if (isKnown) this.askSoon();
    else this.timer = setTimeout(this.askSoon, pause).unref();
  }

  private get doubtful(): Forerunner[] {
    return [...this.waiting].filter(({ isTrue }) => !isTrue);
  }

  private judge(forerunner: Forerunner, end: Position): void {
    if (!this.waiting.has(forerunner)) return;
    const refusal = refusalOf(forerunner.claim, end);
    if (refusal) this.settle(forerunner, refusal);
    else forerunner.isTrue = true;
  }

  private settle(forerunner: Forerunner, refusal?: Refusal): void {
    this.waiting.delete(forerunner);
    forerunner.settle(refusal);
  }
}

/** Why no client can have read up to `claim` in a log that ends at `end`; `undefined` if one can. */
export function refusalOf(claim: Position, end: Position): Refusal | undefined {
  if (claim.epoch !== end.epoch) return 'epoch';
  return claim.sequence > end.sequence ? 'future' : undefined;
}
