import type { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import type { Window } from '../window/window.js';

/**
 * One topic or pattern of a connection, and what is known of its losses. An event of it is *accounted for* if the client
 * got it, or was told that it is lost.
 */
export class Subscription {
  /** Losses up to this sequence are not reported any more: the client was told of them, or did not ask for those events. */
  reported = 0;
  /** The newest event of it that the window has lost, as far as its track has found out: see `LossWatch`. */
  lostThrough = 0;
  /** The newest of those that the client misses by that. */
  missedThrough = 0;
  /** It started at `earliest`, and has not been checked for losses yet: what the first check finds is not reported. */
  acceptsLoss = false;
  /** While it catches up: other topics of the connection bring all of its events, so that none has to be read for it. */
  isRedundant = false;
  /** The position that was asked for is not in this log, and the client was told to forget the state that it has. */
  isReset = false;
  /** A fresh snapshot follows after each gap. */
  hasSnapshots = false;
  /** Events up to here are not brought: a snapshot has them, or the client. */
  skippedThrough = 0;
  /** The client got no event up to this sequence that was lost with a number below `acceptedBefore`, and was not told. */
  private accepted = 0;
  private acceptedBefore = 0;

  constructor(
    readonly pattern: string,
    /** It brings every event after this sequence. Before it, only the newest events of each topic are still to be read. */
    public after: number,
  ) {}

  /** Losses up to this sequence are not reported: the client knows of them, or they do not matter to it. */
  get settled(): number {
    return Math.max(this.reported, this.after, this.skippedThrough);
  }

  /** Brings no events up to `sequence`. */
  skip(sequence: number): void {
    this.skippedThrough = Math.max(this.skippedThrough, sequence);
  }

  /**
   * Goes on from a snapshot.
   *
   * @param isStart it is what the subscription begins with
   */
  restart(sequence: number, isStart: boolean): void {
    this.skippedThrough = sequence;
    this.after = isStart ? sequence : Math.min(this.after, sequence);
    this.reported = Math.min(this.reported, sequence);
  }

  /** Brings, of the events up to `asOf`, only the newest ones of each topic. What is lost of the others does not matter. */
  conflate(asOf: number): void {
    this.after = asOf;
  }

  /**
   * The first check of a subscription that accepts losses: those up to `through` are not reported.
   *
   * @param nextLoss the number of the next loss
   */
  acceptLoss(through: number, nextLoss: number): void {
    this.acceptsLoss = false;
    this.reported = Math.max(this.reported, through);
    this.accepted = Math.max(this.accepted, through);
    this.acceptedBefore = nextLoss;
  }

  /** The client, which has read up to `sequence`, is told of losses up to `through`; accepted ones are among them. */
  report(through: number, sequence: number): void {
    this.reported = through;
    this.accepted = Math.min(this.accepted, sequence);
  }

  /** Notes that an event which it has not read yet is lost. */
  noteLoss(sequence: number, number: number, isMissed: boolean): void {
    this.lostThrough = Math.max(this.lostThrough, sequence);
    if (!isMissed) return;
    this.missedThrough = Math.max(this.missedThrough, sequence);
    // It accepts this loss, too.
    if (sequence <= this.accepted) this.acceptedBefore = Math.max(this.acceptedBefore, number + 1);
  }

  /** Takes over another subscription to the same pattern. */
  merge(other: Subscription): void {
    // One that accepts losses has nothing to report, whatever the other one has reported.
    if (this.acceptsLoss === other.acceptsLoss) this.reported = Math.min(this.settled, other.settled);
    else this.reported = this.acceptsLoss ? other.settled : this.settled;
    this.acceptsLoss &&= other.acceptsLoss;
    this.hasSnapshots ||= other.hasSnapshots;
    const [earlier, later] = this.after <= other.after ? [this, other] : [other, this];
    // What the earlier one accepted as lost, the later one brought, unless it accepted that, too.
    this.accepted = Math.min(earlier.accepted, Math.max(later.after, later.accepted));
    this.acceptedBefore = earlier.acceptedBefore;
    this.after = earlier.after;
  }

  /**
   * Whether an event that was read is to be delivered.
   *
   * @param count how many of the newest events of a topic are wanted that are not after `after`
   */
  wants(event: LogEvent, window: Window, count: number): boolean {
    if (event.sequence <= this.skippedThrough || !covers(this.pattern, event.topic)) return false;
    return event.sequence > this.after || !window.isOutdated(event, { count, asOf: this.after });
  }

  /** Whether it brings an event because it brings all of them, and not because that is the newest of its topic. */
  brings(event: LogEvent): boolean {
    return event.sequence > this.after && covers(this.pattern, event.topic);
  }

  /** Whether a lost event of `topic` is accounted for by it: the client got that event, or was told of the loss. */
  accountsFor(topic: string, sequence: number, lossNumber: number): boolean {
    if (sequence <= this.after) return false;
    if (sequence <= this.accepted && lossNumber < this.acceptedBefore) return false;
    return covers(this.pattern, topic);
  }

  /** Marks another subscription as redundant if all that it asks for is accounted for by this one. Returns whether it is. */
  markRedundant(other: Subscription): boolean {
    const hasAcceptedLoss = !other.acceptsLoss && this.accepted > other.after;
    if (this.after > other.after || hasAcceptedLoss || !covers(this.pattern, other.pattern)) return false;
    other.isRedundant = true;
    other.reported = Math.max(other.reported, this.reported);
    other.accepted = this.accepted;
    other.acceptedBefore = this.acceptedBefore;
    return true;
  }
}

/** What a subscription has lost: its events up to `through`. */
export interface Loss {
  readonly subscription: Subscription;
  readonly through: number;
}
