import type { LogEvent } from '../../contracts/event.js';
import type { PatternWalk } from '../topics/pattern-index.js';
import { Selection } from './selection.js';
import type { Slice } from './slice.js';
import type { Member, Subscribers } from './subscribers.js';
import type { TopicIndex } from '../topics/topic-index.js';

/** What is delivered together at most: more would only make the buffers larger, not the writes fewer. */
export const roundEvents = 4096;
export const roundBytes = 256 * 1024;

/** How many times the events of a round may be wanted: of each it is remembered until it is delivered. */
const roundSelections = 100_000;

/** How many nodes of the index are looked at between two looks at the slice. */
const nodesAtOnce = 256;

/** An event and a write take as long as so many nodes or members that are looked at. */
const stepsOfEvent = 4;
const stepsOfWrite = 16;

/**
 * A round of deliveries. It finds out who wants each of its events, then what each member gets of all of them, and then
 * writes; each of these may be interrupted anywhere. Who comes meanwhile has the events from elsewhere, who goes gets none.
 */
export class Round {
  /** Counts the rounds. */
  number = 0;
  isOpen = false;
  private events: readonly LogEvent[] = [];
  private next = 0;
  private end = 0;
  private bytes = 0;
  private selections = 0;
  private none = new Selection();
  private readonly walk: PatternWalk<Subscribers>;
  private isWalking = false;
  /** Those that want some of the events; from `gathered` on their members are not looked at yet. */
  private selected: Subscribers[] = [];
  private gathered = 0;
  private members: Iterator<Member> | undefined;
  private part: Selection = this.none;
  /** Who gets something; from `written` on they have not got it yet. */
  private recipients: Member[] = [];
  private written = 0;

  constructor(
    private readonly index: TopicIndex<Subscribers>,
    private readonly slice: Slice,
  ) {
    this.walk = index.walk();
  }

  /** Begins with some of the events from `start` on, as many as fit. */
  begin(events: readonly LogEvent[], start: number): void {
    this.number++;
    this.isOpen = true;
    this.events = events;
    this.next = start;
    this.end = Math.min(events.length, start + roundEvents);
    this.bytes = this.selections = 0;
  }

  /** Goes on. Returns whether it is done; if not, the slice is used up. */
  run(): boolean {
    return this.match() && this.gather() && this.write();
  }

  /** Ends it, done or not, and returns the place after its last event. */
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
        const exact = index.at(topic);
        if (exact) this.select(exact);
        this.isWalking = index.hasWildcards;
        if (this.isWalking) walk.begin(topic);
      }
      if (this.isWalking && !walk.go(this.select, nodesAtOnce)) {
        if (this.slice.isOver(nodesAtOnce)) return false;
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
    if (subscribers.select(this.events[this.next]!, this.next, this.none)) this.selected.push(subscribers);
  };

  private gather(): boolean {
    while (this.members || this.gathered < this.selected.length) {
      if (this.members) {
        const { done, value } = this.members.next() as IteratorResult<Member, undefined>;
        if (done) this.members = undefined;
        else this.give(value, this.part);
      } else {
        const subscribers = this.selected[this.gathered++]!;
        const { members } = subscribers;
        this.part = subscribers.take();
        if (members instanceof Set) this.members = members.values();
        else if (members) this.give(members, this.part);
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
      // It may have gone, or come back with everything, since it was looked at.
      if (this.isDue(member)) member.receive(selected.batch);
      if (this.slice.isOver(stepsOfWrite)) return false;
    }
    return true;
  }

  private isDue(member: Member): boolean {
    return member.isLive && member.joinedRound !== this.number;
  }
}
