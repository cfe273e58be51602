import type { LogEvent } from '../../contracts/event.js';
import { parsePosition, type Position } from '../../contracts/position.js';
import type { Refusal } from './forerunners.js';
import { Leg } from './leg.js';
import { Subscription } from './subscription.js';
import type { Window } from '../window/window.js';

/** Told of a position, and of the topics that it is about: those that were not taken back meanwhile. */
export type Announce = (id: string, topics: readonly string[]) => void;

/** How topics are added to a cursor. */
export interface SubscribeOptions {
  /**
   * Called once the topics have reached the connection's other ones, with the id of that position. What is delivered
   * until then is theirs alone.
   */
  readonly onLive?: Announce;
  /** Deliver also what another topic or pattern of the connection has brought before. Default: `false`. */
  readonly repeat?: boolean;
}

/** What prints positions. */
interface Log {
  print(sequence: number): string;
}

/** What is asked for. */
export interface Wish {
  readonly patterns: readonly string[];
  /** `now`, `last`, `earliest` or an id. */
  readonly start: string;
  /** Called with the id of where the topics start, before anything of them is delivered. */
  readonly before: Announce | undefined;
  readonly options: SubscribeOptions;
}

/** Topics that are added to a cursor, and have to reach its other ones first. */
export class Join {
  readonly leg: Leg;
  /** Where it wants to go on, as long as this node has not been there. */
  claim: Position | undefined;
  /** Whether it has had its turn, and `before` its call. */
  begun = false;
  /** What is brought by others need not be brought again: those that are still to be compared with them. */
  private uncompared: Subscription[] = [];
  /** The other topics have brought all of it before: whoever asks for the past again and again does not have it read each time. */
  private isServed = false;
  /** What the connection had when it began and was taken back since: what that brought is not brought again. */
  private readonly former: Subscription[] = [];

  /**
   * @param here where the cursor is: its other topics, `main`, are what this one is to reach
   * @param epoch of the log that it reads
   */
  constructor(
    private readonly window: Window,
    here: number,
    epoch: string,
    readonly wish: Wish,
  ) {
    const { start, patterns } = wish;
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
    return new Join(this.window, here, epoch, { ...this.wish, patterns: this.leg.patterns });
  }

  /** Has its turn, and says so. */
  begin(main: Leg, log: Log): void {
    this.prepare(main);
    this.begun = true;
    this.wish.before?.(log.print(this.leg.sequence), this.leg.patterns);
  }

  private prepare(main: Leg): void {
    const { leg, wish } = this;
    if (wish.start === 'last') for (const each of leg.all) each.conflate(main.sequence);
    leg.isLenient = wish.start === 'earliest';
    for (const each of leg.all) each.isLenient = leg.isLenient;
    if (wish.options.repeat || wish.start === 'last' || main.size === 0) return;
    this.isServed = !leg.notice && leg.size > 0;
    if (this.isServed) this.uncompared = [...leg.all];
    leg.isNoLoss = (topic, sequence, number) => this.isAccountedFor(main, topic, sequence, number);
    leg.isNoLossCost = main.topics.wildcardCount;
  }

  /** Goes on to compare its topics with the others. Returns what that cost; 0 once it is done. */
  compare(main: Leg, effort: number): number {
    const each = 1 + main.topics.wildcardCount;
    let cost = 0;
    while (cost < effort && this.uncompared.length > 0) {
      const subscription = this.uncompared.pop()!;
      main.serve(subscription);
      this.isServed &&= subscription.isServed;
      cost += each;
    }
    if (this.uncompared.length === 0 && this.isServed) this.leg.sequence = main.sequence;
    return cost;
  }

  /** Another one of the connection was taken back. */
  lose(former: Subscription): void {
    if (this.begun) this.former.push(former);
  }

  /** Those of some events that the connection's other topics have not brought. */
  news(events: readonly LogEvent[], main: Leg): readonly LogEvent[] {
    if (this.wish.options.repeat || main.size + this.former.length === 0) return events;
    const news = events.filter(
      (event) => !main.brings(event) && !this.former.some((each) => each.brings(event)),
    );
    return news.length === events.length ? events : news;
  }

  /** What `news` costs for each event, in entries that are looked at. */
  newsCost(main: Leg): number {
    if (this.wish.options.repeat || main.size + this.former.length === 0) return 0;
    return 1 + main.topics.wildcardCount + this.former.length;
  }

  /** Its topics have reached `main`, and go on with it: it says so. */
  end(main: Leg, log: Log): void {
    for (const subscription of this.leg.all) {
      const { isServed, isLenient, gone } = subscription;
      if (isServed) subscription.told = Math.max(subscription.told, main.sequence);
      subscription.isServed = false;
      subscription.isLenient = isLenient && gone > main.sequence;
      // What the backplane may have is looked at with the others.
      if (subscription.isLenient && gone > this.window.recoverable)
        subscription.waive(gone, this.window.journal.count);
      main.add(subscription);
    }
    this.wish.options.onLive?.(log.print(main.sequence), this.leg.patterns);
  }

  /** The log is known only now: what comes from now on begins at `here`. */
  opened(here: number): void {
    if (this.wish.start === 'now') this.startAt(here);
  }

  private isAccountedFor(main: Leg, topic: string, sequence: number, number: number): boolean {
    // The others will be told of it, and these with them.
    if (sequence > main.sequence) return true;
    if (main.accountsFor(topic, sequence, number)) return true;
    return this.former.some((each) => each.accountsFor(topic, sequence, number));
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
