import { Slice } from './slice.js';
import { SubscriberSet, type Member, type Subscribers } from './subscribers.js';
import type { TopicIndex } from '../topics/topic-index.js';
import { TopicSet } from '../topics/topic-set.js';

/** How long one turn of the event loop may be spent on departures, in milliseconds. */
const slice = 5;

/** So few topics and patterns are removed at once, without waiting for a later turn. */
const fewPatterns = 8;

/** What it costs to remove a pattern from the index, in steps of a `Slice`. */
const stepsOfPattern = 16;

/** The topics and patterns of a member. While one is in this set, the member is among its subscribers in the index. */
export class Interest extends TopicSet {
  constructor(
    private readonly index: TopicIndex<Subscribers>,
    private readonly member: Member,
  ) {
    super();
  }

  override add(pattern: string): boolean {
    if (!super.add(pattern)) return false;
    const { index, member } = this;
    const others = index.get(pattern);
    if (others instanceof SubscriberSet) others.members.add(member);
    else if (others !== member) index.set(pattern, others ? new SubscriberSet(others, member) : member);
    return true;
  }

  override delete(pattern: string): boolean {
    if (!super.delete(pattern)) return false;
    const { index, member } = this;
    const all = index.get(pattern);
    if (all instanceof SubscriberSet) all.members.delete(member);
    if (all === member || (all instanceof SubscriberSet && all.members.size === 0)) index.delete(pattern);
    return true;
  }
}

/** Removes the interests of members that have left from the index, some of them in each turn of the event loop. */
export class Departures {
  private readonly leaving = new Set<TopicSet>();
  private readonly slice = new Slice(slice);
  private scheduled: NodeJS.Immediate | undefined;

  add(interest: TopicSet): void {
    if (interest.size <= fewPatterns) for (const pattern of interest.patterns) interest.delete(pattern);
    else {
      this.leaving.add(interest);
      this.scheduled ??= setImmediate(this.turn);
    }
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    this.slice.begin(performance.now());
    if (!this.run()) this.scheduled = setImmediate(this.turn);
  };

  private run(): boolean {
    for (const interest of this.leaving) {
      for (const pattern of interest.patterns) {
        interest.delete(pattern);
        if (this.slice.isOver(stepsOfPattern)) return false;
      }
      this.leaving.delete(interest);
    }
    return true;
  }
}
