import { Slice } from './slice.js';
import { Subscribers, type Member } from './subscribers.js';
import type { TopicIndex } from '../topics/topic-index.js';
import { TopicSet } from '../topics/topic-set.js';

/** How long one turn may be spent on those who have gone, in milliseconds. */
const slice = 5;

/** So few are taken out at once. */
const fewPatterns = 8;

/** What one pattern costs: its nodes on the way. */
const stepsOfPattern = 16;

/** The topics and patterns of a connection, each of which is in the index for as long as it is in the set. */
export class Interest extends TopicSet {
  constructor(
    private readonly index: TopicIndex<Subscribers>,
    private readonly member: Member,
  ) {
    super();
  }

  override add(pattern: string): boolean {
    if (!super.add(pattern)) return false;
    let subscribers = this.index.get(pattern);
    if (!subscribers) this.index.set(pattern, (subscribers = new Subscribers()));
    subscribers.add(this.member);
    return true;
  }

  override delete(pattern: string): boolean {
    if (!super.delete(pattern)) return false;
    const subscribers = this.index.get(pattern)!;
    subscribers.delete(this.member);
    if (subscribers.isEmpty) this.index.delete(pattern);
    return true;
  }
}

/** Takes the interests of connections that have gone out of the index, some in each turn of the event loop. */
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
    this.slice.begin();
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
