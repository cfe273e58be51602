import type { LogEvent } from '../../contracts/event.js';
import { covers } from '../../contracts/topic.js';
import type { Window } from '../window/window.js';

/** One of a connection's topics or patterns. */
export class Subscription {
  /** The reader is told of what is lost up to here, or did not ask for it. */
  told = 0;
  /** The newest event that the window has lost of it, as far as its leg knows: see `LossWatch`. */
  gone = 0;
  /** The newest of those that matter. */
  lost = 0;
  /** It asks for what there is: what is gone when that is looked at first is no news. */
  isLenient = false;
  /** While it joins: the connection's other topics bring all of it, so that nothing has to be read for it. */
  isServed = false;
  /** Events up to here that were lost by then, as loss number `waivedBefore` or earlier, it neither brought nor told of. */
  private waived = 0;
  private waivedBefore = 0;

  constructor(
    readonly pattern: string,
    /** All events after it are brought. Of those before, as far as they are still to be read, the newest of each topic. */
    public after: number,
  ) {}

  /** That events up to here are lost is no news: it was told, or does not matter. */
  get known(): number {
    return Math.max(this.told, this.after);
  }

  /** Of what is there as of a sequence brings only the newest of each topic, for which it does not matter what is lost. */
  conflate(asOf: number): void {
    this.after = asOf;
  }

  /**
   * It is lenient, and looks: nothing is said of what is lost up to `through`.
   *
   * @param number of the next loss
   */
  waive(through: number, number: number): void {
    this.isLenient = false;
    this.told = Math.max(this.told, through);
    this.waived = Math.max(this.waived, through);
    this.waivedBefore = number;
  }

  /** The reader, who is at `sequence`, is told of what is lost up to `through`: also of what nothing was said of before. */
  tell(through: number, sequence: number): void {
    this.told = through;
    this.waived = Math.min(this.waived, sequence);
  }

  /** An event that it has not reached yet was lost. */
  lose(sequence: number, number: number, matters: boolean): void {
    this.gone = Math.max(this.gone, sequence);
    if (!matters) return;
    this.lost = Math.max(this.lost, sequence);
    // Nothing will be said of it either.
    if (sequence <= this.waived) this.waivedBefore = Math.max(this.waivedBefore, number + 1);
  }

  /** Stands also for another one on the same pattern. */
  merge(other: Subscription): void {
    // One that is lenient has nothing to be told, whatever the other one knows.
    if (this.isLenient === other.isLenient) this.told = Math.min(this.known, other.known);
    else this.told = this.isLenient ? other.known : this.known;
    this.isLenient &&= other.isLenient;
    const [earlier, later] = this.after <= other.after ? [this, other] : [other, this];
    // What the earlier one waived the later one brought, as far as it did not waive it itself.
    this.waived = Math.min(earlier.waived, Math.max(later.after, later.waived));
    this.waivedBefore = earlier.waivedBefore;
    this.after = earlier.after;
  }

  /** Whether an event that is read is to be delivered. */
  wants(event: LogEvent, window: Window): boolean {
    if (!covers(this.pattern, event.topic)) return false;
    return event.sequence > this.after || !window.isOutdated(event, this.after);
  }

  /** Whether it brings an event as a part of the log, rather than as the newest of its topic. */
  brings(event: LogEvent): boolean {
    return event.sequence > this.after && covers(this.pattern, event.topic);
  }

  /**
   * Whether it has brought an event that is lost by now, or told of the loss: a pattern may cover what it never brought.
   *
   * @param number of the loss
   */
  accountsFor(topic: string, sequence: number, number: number): boolean {
    if (sequence <= this.after) return false;
    if (sequence <= this.waived && number < this.waivedBefore) return false;
    return covers(this.pattern, topic);
  }

  /** Serves another one, if it has brought all that it asks for, or told what of it is lost. Returns whether. */
  serve(other: Subscription): boolean {
    const isWaived = !other.isLenient && this.waived > other.after;
    if (this.after > other.after || isWaived || !covers(this.pattern, other.pattern)) return false;
    other.isServed = true;
    other.told = Math.max(other.told, this.told);
    other.waived = this.waived;
    other.waivedBefore = this.waivedBefore;
    return true;
  }
}
