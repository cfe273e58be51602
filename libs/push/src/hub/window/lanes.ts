import { isEnd } from '../../contracts/end.js';
import type { EndRetention, Retention, StateRetention } from '../../contracts/retention.js';
import { isRemoval } from '../../contracts/state.js';
import { Lane, type Slot } from './lane.js';
import { merge } from './merge.js';
import type { Entry } from './topic-history.js';

/** So few entries are never cleaned up all at once. */
const fewEntries = 1_024;

/** All entries in log order, in a lane for each retention rule: so the entries of a lane become too old in their order. */
export class Lanes {
  private readonly byRule = new Map<Retention, Lane>();
  /** The tombstones of a rule's topics have a lane of their own, and so have their ends. */
  private readonly tombstones = new Map<StateRetention | EndRetention, Retention>();
  private readonly ends = new Map<EndRetention, Retention>();
  /** Places in the lanes, those of entries that are gone included. */
  private held = 0;

  /** All places after `sequence`, in log order; those of entries that are gone, too. */
  after(sequence: number): Iterable<Slot> {
    return merge(this.byRule.values(), (lane) => lane.after(sequence));
  }

  push(entry: Entry): void {
    this.of(entry).push(entry);
    this.held++;
  }

  /**
   * Lets go of an entry. All lanes are cleaned when half of their places are of entries that are gone.
   *
   * @param live how many entries are left
   */
  remove(entry: Entry, live: number): void {
    const lane = this.of(entry);
    this.held -= lane.length;
    lane.remove(entry);
    this.held += lane.length;
    if (this.held < fewEntries || this.held < live * 2) return;
    for (const each of this.byRule.values()) each.clean();
    this.held = live;
  }

  /**
   * Hands out, one by one, what is too old at `now`: each has to be gone before the next. Returns the milliseconds until
   * the next one is; `undefined` if none ever will be.
   */
  expire(now: number, evict: (entry: Entry) => void): number | undefined {
    let next: number | undefined;
    for (const [{ age }, lane] of this.byRule) {
      if (age === Infinity) continue;
      let first = lane.first;
      while (first && first.arrived + age <= now) {
        evict(first);
        first = lane.first;
      }
      if (first) next = Math.min(next ?? Infinity, first.arrived + age - now);
    }
    return next;
  }

  private of(entry: Entry): Lane {
    const { retention } = entry.history;
    const { state, ends } = retention;
    const own = state ?? ends;
    if (own && isRemoval(entry)) return this.laneOf(this.tombstones, own, own.tombstones);
    if (ends && isEnd(entry)) return this.laneOf(this.ends, ends, ends.ttl);
    return this.lane(retention);
  }

  private laneOf<Rule extends object>(lanes: Map<Rule, Retention>, rule: Rule, age: number): Lane {
    let kept = lanes.get(rule);
    if (!kept) lanes.set(rule, (kept = { events: 1, age }));
    return this.lane(kept);
  }

  private lane(retention: Retention): Lane {
    let lane = this.byRule.get(retention);
    if (!lane) this.byRule.set(retention, (lane = new Lane()));
    return lane;
  }
}
