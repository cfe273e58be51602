import type { LogEvent } from '../../contracts/event.js';
import type { PatternWalk } from '../topics/pattern-index.js';
import { Selection } from './selection.js';
import type { Slice } from './slice.js';
import { SubscriberSet, type Member, type Subscribers } from './subscribers.js';
import type { TopicIndex } from '../topics/topic-index.js';

/** How many events, and bytes of payload, are delivered together at most. More would make buffers larger, and save no writes. */
export const roundEvents = 4096;
export const roundBytes = 256 * 1024;

/** How many pairs of an event and a topic or pattern that matches it a round may have: each takes memory until the round ends. */
const roundSelections = 100_000;

/** How many shapes of the index are looked at before the slice is checked. */
const shapesAtOnce = 256;

/**
 * What an event and a write cost, in steps of a `Slice`. A step is one shape or one member that is looked at. The first write to an
 * audience may compress what all of it gets, which takes up to a millisecond: so the slice is looked at often.
 */
const stepsOfEvent = 4;
const stepsOfWrite = 128;

/**
 * A round of deliveries, in three phases: match its events with topics and patterns, gather what each member gets of all of
 * them, write. Each phase may be interrupted at any point and continued in a later turn. A member that goes live during a
 * round has read its events from the window; a member that leaves gets none.
 */
export class Round {
  /** How many rounds there have been, this one included. */
  number = 0;
  /** Whether a round has begun and is not closed. */
  isOpen = false;
  private events: readonly LogEvent[] = [];
  /** The index of the next event that is matched. */
  private next = 0;
  /** The index of its first event, and the one at which it ends. */
  private start = 0;
  private end = 0;
  private bytes = 0;
  private selections = 0;
  /** Where the selections of this round start. */
  private none = new Selection();
  private readonly walk: PatternWalk<Subscribers>;
  private isWalking = false;
  /** The topics and patterns with several members that match some of the events. From the index `gathered` on, their members are not gathered yet. */
  private selected: SubscriberSet[] = [];
  private gathered = 0;
  /** The members that are being gathered, and what they get. */
  private members: Iterator<Member> | undefined;
  private part: Selection = this.none;
  /** Nobody gets anything but this part, so that each is written to at once, and none has to be looked at twice. */
  private isWhole = false;
  /** The members that get something. From the index `written` on, it is not written yet. */
  private recipients: Member[] = [];
  private written = 0;

  constructor(
    private readonly index: TopicIndex<Subscribers>,
    private readonly slice: Slice,
  ) {
    this.walk = index.walk();
  }

  /** Begins a round with the events from the index `start` on, as many as fit. */
  begin(events: readonly LogEvent[], start: number): void {
    this.number++;
    this.isOpen = true;
    this.events = events;
    this.next = this.start = start;
    this.end = Math.min(events.length, start + roundEvents);
    this.bytes = this.selections = 0;
  }

  /** Whether the round, or the last one, has as much as a round may have. */
  get isFull(): boolean {
    return !this.hasRoom || this.next - this.start >= roundEvents;
  }

  /** Continues the round. Returns whether it is done; if not, the slice is used up. */
  run(): boolean {
    return this.match() && this.gather() && this.write();
  }

  /** Ends the round, done or not. Returns the index after its last event. */
  close(): number {
    for (let at = this.gathered; at < this.selected.length; at++) this.selected[at]!.take();
    for (let at = this.written; at < this.recipients.length; at++) this.recipients[at]!.selected = undefined;
    this.selected = [];
    this.recipients = [];
    this.gathered = this.written = 0;
    this.members = undefined;
    this.events = [];
    this.none = this.part = new Selection();
    this.isOpen = this.isWalking = false;
    return this.next;
  }

  private match(): boolean {
    const { index, walk } = this;
    while (this.isWalking || (this.next < this.end && this.hasRoom)) {
      if (!this.isWalking) {
        const { topic } = this.events[this.next]!;
        const exact = index.exactly(topic);
        if (exact) this.select(exact);
        this.isWalking = index.hasWildcards;
        if (this.isWalking) walk.begin(topic);
      }
      if (this.isWalking && !walk.advance(this.select, shapesAtOnce)) {
        if (this.slice.isOver(shapesAtOnce)) return false;
        continue;
      }
      this.isWalking = false;
      this.bytes += this.events[this.next++]!.data.length;
      if (this.slice.isOver(stepsOfEvent)) return false;
    }
    return true;
  }

  private get hasRoom(): boolean {
    return this.bytes < roundBytes && this.selections < roundSelections;
  }

  private readonly select = (subscribers: Subscribers): void => {
    this.selections++;
    const event = this.events[this.next]!;
    if (!(subscribers instanceof SubscriberSet)) {
      if (this.isDue(subscribers)) this.bring(event, subscribers);
    } else if (subscribers.select(event, this.next, this.none)) this.selected.push(subscribers);
  };

  /** Gives an event at once to the only member of its topic, of which there may be many. */
  private bring(event: LogEvent, member: Member): void {
    // There are unions only once all events are matched.
    const selected = member.selected as Selection | undefined;
    if (selected?.event === event) return;
    member.selected = (selected ?? this.none).with(event, this.next);
    if (!selected) this.recipients.push(member);
  }

  private gather(): boolean {
    while (this.members || this.gathered < this.selected.length) {
      if (this.members) {
        const { done, value } = this.members.next() as IteratorResult<Member, undefined>;
        if (done) this.members = undefined;
        else if (this.isWhole) {
          if (this.isDue(value)) value.receive(this.part.batch);
          if (this.slice.isOver(stepsOfWrite)) return false;
        } else this.give(value, this.part);
      } else {
        const subscribers = this.selected[this.gathered++]!;
        this.isWhole = this.selected.length === 1 && this.recipients.length === 0;
        this.part = subscribers.take();
        this.members = subscribers.members.values();
      }
      if (this.slice.isOver(1)) return false;
    }
    return true;
  }

  private give(member: Member, part: Selection): void {
    if (!this.isDue(member)) return;
    if (member.selected) member.selected = member.selected.and(part);
    else {
      member.selected = part;
      this.recipients.push(member);
    }
  }

  private write(): boolean {
    while (this.written < this.recipients.length) {
      const member = this.recipients[this.written++]!;
      const selected = member.selected!;
      member.selected = undefined;
      // Since it was gathered it may have left, or stopped being live and caught up by itself.
      if (this.isDue(member)) member.receive(selected.batch);
      if (this.slice.isOver(stepsOfWrite)) return false;
    }
    return true;
  }

  private isDue(member: Member): boolean {
    return member.isLive && member.joinedRound !== this.number;
  }
}
