import { parsePosition, type Position } from '../contracts/position.js';
import type { Refusal } from './forerunners.js';
import { Leg } from './leg.js';
import { Subscription } from './subscription.js';
import type { Window } from './window.js';

/** How topics are added to a cursor. */
export interface SubscribeOptions {
  /**
   * Called once the topics have reached the connection's other ones, with the id of that position. What is delivered
   * until then is theirs alone.
   */
  readonly onLive?: (id: string) => void;
  /** Deliver also what another topic or pattern of the connection has brought before. Default: `false`. */
  readonly repeat?: boolean;
}

/** Topics that are added to a cursor, and have to reach its other ones first. */
export class Join {
  readonly leg: Leg;
  /** Where it wants to go on, as long as this node has not been there. */
  claim: Position | undefined;
  /** Whether it has had its turn, and `before` its call. */
  begun = false;
  /** The other topics have brought all of it before: who asks for the past again and again does not have it read each time. */
  bringsNothing = false;

  /**
   * @param here where the cursor is
   * @param epoch of the log that it reads
   * @param start `now`, `last`, `earliest` or an id
   * @param before is called with the id of where the topics start, before anything of them is delivered
   */
  constructor(
    private readonly window: Window,
    here: number,
    epoch: string,
    patterns: readonly string[],
    private readonly start: string,
    readonly before: ((id: string) => void) | undefined,
    readonly options: SubscribeOptions,
  ) {
    this.leg = new Leg(window, 0, 'evicted');
    if (start === 'now') this.leg.sequence = here;
    else if (start !== 'earliest' && start !== 'last') this.resume(start, epoch);
    for (const pattern of patterns) this.leg.add(new Subscription(pattern, this.leg.sequence));
  }

  /** What has become of its claim. */
  settle(refusal: Refusal | undefined): void {
    const { claim, leg } = this;
    this.claim = undefined;
    if (!refusal) this.startAt(claim!.sequence);
    // Of topics that were taken back meanwhile nothing is told.
    else if (leg.size > 0) leg.notice = refusal;
  }

  /** The same, for another log. */
  again(here: number, epoch: string): Join {
    const { window, leg, start, before, options } = this;
    return new Join(window, here, epoch, leg.patterns, start, before, options);
  }

  /** @param main the topics that it is to reach */
  begin(main: Leg): void {
    this.begun = true;
    this.bringsNothing =
      !this.leg.notice &&
      !this.options.repeat &&
      this.start !== 'last' &&
      this.leg.all.every(({ pattern, after }) => main.bringsAll(pattern, after));
    for (const subscription of this.leg.all) {
      const { pattern, after } = subscription;
      subscription.isLenient = this.start === 'earliest';
      if (this.start === 'last') subscription.conflate(main.sequence);
      else subscription.isServed = !this.options.repeat && !this.leg.notice && main.bringsAll(pattern, after);
    }
  }

  /** Its topics have reached `main`, and go on with it. */
  end(main: Leg): void {
    for (const subscription of this.leg.all) {
      const { pattern, isServed, isLenient } = subscription;
      if (isServed) subscription.told = Math.max(subscription.told, main.sequence);
      subscription.isServed = false;
      subscription.isLenient = isLenient && this.window.lostThrough(pattern) > main.sequence;
      main.add(subscription);
    }
  }

  /** The log is known only now: what comes from now on begins at `here`. */
  opened(here: number): void {
    if (this.start === 'now') this.startAt(here);
  }

  private startAt(sequence: number): void {
    this.leg.sequence = sequence;
    for (const subscription of this.leg.all) subscription.after = sequence;
  }

  private resume(id: string, epoch: string): void {
    const position = parsePosition(id);
    if (!position) this.leg.notice = 'malformed';
    else if (position.epoch !== epoch || position.sequence > this.window.head) this.claim = position;
    else this.leg.sequence = position.sequence;
  }
}
