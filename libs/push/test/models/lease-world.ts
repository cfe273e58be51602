import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import { StateTopics } from '../../src/backplane/memory/state-topics.js';
import type { Tail } from '../../src/contracts/backplane.js';
import { PushError } from '../../src/contracts/errors.js';
import type { Draft, LogEvent } from '../../src/contracts/event.js';
import type { Position } from '../../src/contracts/position.js';
import { leaseOf } from '../../src/contracts/reserved.js';
import { expectNone, isRemoval, removalMeta } from '../../src/contracts/state.js';
import { TopicRules } from '../../src/hub/topic-rules.js';
import { Lease, type LeaseHolder } from '../../src/state/lease.js';
import { ownedBy, ownerOf } from '../../src/state/ownership.js';
import { MemoryHistory } from '../../src/testing/memory-history.js';
import { MemoryLog } from '../../src/testing/memory-log.js';

/** Milliseconds of a lease, unless its node asks for something else. */
export const duration = 900;

/** What nodes ask for. */
export const durations = [600, duration, 1_500];

/** By how much the clocks of nodes run too fast or too slowly at most. */
export const rates = [0.8, 0.9, 1, 1.1, 1.25];

const rules = new TopicRules(
  [
    { pattern: 'rooms.*', presence: true },
    { pattern: 'items.*', state: true, tombstones: 60_000 },
  ],
  { events: 10, age: 60_000 },
);

/** One log, what it holds, and what must hold of it. */
class World {
  time = 0;
  log!: MemoryLog;
  /** The newest event of each topic. */
  newest = new Map<string, LogEvent>();
  readonly nodes: SimulatedNode[] = [];
  readonly failures: string[] = [];
  /** When each incarnation has last renewed its lease, and for how long. */
  private renewed = new Map<string, { readonly at: number; readonly lasts: number }>();
  /** Incarnations that were taken over, with what they owned then. */
  private readonly takenOver = new Map<string, Set<string>>();
  removals = 0;

  constructor() {
    this.open();
  }

  /** Another log takes the place of the one that is there. */
  open(): void {
    const log = new MemoryLog();
    log.history = new MemoryHistory((topic) => rules.of(topic));
    log.states = new StateTopics(rules, () => this.time);
    this.newest = new Map();
    this.renewed = new Map();
    const { newest } = this;
    log.tails.add({ deliver: (event) => this.check(event, newest) } as Tail);
    this.log = log;
  }

  add(rate: number): SimulatedNode {
    const node = new SimulatedNode(this, rate);
    this.nodes.push(node);
    node.follow();
    return node;
  }

  /** Lets time pass. */
  async run(milliseconds: number): Promise<void> {
    for (const end = this.time + milliseconds; this.time < end;) {
      this.time += 30;
      for (const node of this.nodes) node.run();
      await turn();
      await turn();
    }
    assert.deepEqual(this.failures, []);
  }

  private check(event: LogEvent, newest: Map<string, LogEvent>): void {
    const before = newest.get(event.topic);
    newest.set(event.topic, event);
    const incarnation = leaseOf(event.topic);
    const owner = ownerOf(event);
    if (incarnation === undefined) this.checkItem(event, before);
    else if (owner === incarnation) {
      const { duration: lasts } = JSON.parse(event.data) as { duration: number };
      this.renewed.set(incarnation, { at: this.time, lasts });
    } else if (owner !== undefined) this.checkClaim(incarnation, newest);
  }

  /** A live node with a live tail is never taken over. */
  private checkClaim(incarnation: string, newest: ReadonlyMap<string, LogEvent>): void {
    const { at: since, lasts } = this.renewed.get(incarnation) ?? { at: -Infinity, lasts: 0 };
    const node = this.nodes.find(({ lease }) => lease.incarnation === incarnation);
    const wasAway = !node || node.isDead || node.awayAt >= since;
    if (!wasAway) this.failures.push(`${incarnation} was taken over, and was there all the time`);
    if (this.time - since < lasts / Math.max(...rates))
      this.failures.push(`${incarnation} was taken over ${this.time - since} ms after its renewal`);
    const owned = [...newest].filter(([, event]) => ownerOf(event) === incarnation);
    const topics = owned.map(([topic]) => topic).filter((topic) => topic.startsWith('items.'));
    this.takenOver.set(incarnation, new Set(topics));
  }

  /** What was taken over is removed once, and what its owner writes after that is not stored. */
  private checkItem(event: LogEvent, before: LogEvent | undefined): void {
    const { topic } = event;
    const owner = ownerOf(event);
    if (isRemoval(event)) {
      this.removals++;
      const former = before && ownerOf(before);
      if (former === undefined) this.failures.push(`${topic} was removed twice`);
      else if (!this.takenOver.has(former)) this.failures.push(`${topic} was removed from its owner`);
    } else if (before && isRemoval(before) && this.takenOver.get(owner!)?.has(topic))
      this.failures.push(`${topic} was stored for ${owner}, which was taken over`);
  }
}

/** A node that owns items. Its clock has a rate of its own; it may be paused, cut off from the log, and killed. */
class SimulatedNode implements LeaseHolder {
  readonly lease: Lease;
  isDead = false;
  /** When it was last paused or cut off. */
  awayAt = -Infinity;
  /** What it owns: the topics whose state is not as it wants it are written. */
  readonly items = new Map<string, 'written' | 'unwritten'>();
  private readonly seen = new Map<string, LogEvent>();
  private inbox: LogEvent[] = [];
  private log!: MemoryLog;
  private tail: Tail | undefined;
  private pausedUntil = 0;
  private cutUntil = 0;
  private nextTick = 0;
  private isWriting = false;
  /** What it has sent, and the network has not carried to the log yet. */
  private readonly withheld: (() => void)[] = [];
  private withholds = false;

  constructor(
    private readonly world: World,
    private readonly rate: number,
  ) {
    const append = (draft: Draft) => this.append(draft);
    this.lease = new Lease({ append }, this, { duration, now: () => this.clock });
  }

  /** Follows the log that is there now. */
  follow(): void {
    if (this.tail) this.log.tails.delete(this.tail);
    const { log, newest } = this.world;
    this.log = log;
    this.inbox = [];
    this.seen.clear();
    this.lease.reopen();
    for (const event of newest.values()) this.take(event);
    this.tail = { deliver: (event) => void this.inbox.push(event) } as Tail;
    log.tails.add(this.tail);
    this.lease.opened();
    for (const topic of this.items.keys()) this.items.set(topic, 'unwritten');
  }

  /** Pauses the process. What it has just sent may reach the log only when it goes on. */
  pause(milliseconds: number, withholds: boolean): void {
    this.withholds = withholds;
    // Something is on its way when it is paused.
    if (withholds) {
      for (const topic of this.items.keys()) this.items.set(topic, 'unwritten');
      this.write();
    }
    this.pausedUntil = this.world.time + milliseconds;
  }

  /** Wants another duration of its lease, in milliseconds. */
  ask(milliseconds: number): void {
    this.lease.duration = milliseconds;
  }

  cut(milliseconds: number): void {
    this.cutUntil = this.world.time + milliseconds;
  }

  kill(): void {
    this.isDead = true;
    if (this.tail) this.log.tails.delete(this.tail);
  }

  /** Does what is due. */
  run(): void {
    const { time } = this.world;
    if (time < this.pausedUntil || time < this.cutUntil) this.awayAt = time;
    if (time < this.pausedUntil) return;
    this.withholds = false;
    // It reaches the log even if its sender is dead by now.
    for (const send of this.withheld.splice(0)) send();
    if (this.isDead) return;
    if (this.clock >= this.nextTick) {
      this.nextTick = this.clock + this.lease.interval;
      this.lease.tick();
    }
    if (time < this.cutUntil) return;
    if (this.log !== this.world.log) this.follow();
    for (const event of this.inbox.splice(0)) this.take(event);
    this.write();
  }

  owns(incarnation: string): boolean {
    return [...this.seen.values()].some((event) => this.isItemOf(incarnation, event));
  }

  async onLapsed(incarnation: string): Promise<void> {
    const owned = [...this.seen.values()].filter((event) => this.isItemOf(incarnation, event));
    for (const { topic, id } of owned)
      await this.append({ topic, data: 'null', meta: removalMeta, expect: id }).catch(ignoreConflict);
  }

  onLost(): void {
    for (const topic of this.items.keys()) this.items.set(topic, 'unwritten');
  }

  onError(error: unknown): void {
    this.world.failures.push(String(error));
  }

  /** Which of its items are not in the log as its own. */
  get missing(): string[] {
    return [...this.items.keys()].filter((topic) => {
      const newest = this.world.newest.get(topic);
      return !newest || ownerOf(newest) !== this.lease.incarnation;
    });
  }

  private get clock(): number {
    return this.world.time * this.rate;
  }

  private isItemOf(incarnation: string, event: LogEvent): boolean {
    return event.topic.startsWith('items.') && ownerOf(event) === incarnation;
  }

  private take(event: LogEvent): void {
    if (leaseOf(event.topic) !== undefined) return this.lease.take(event);
    this.seen.set(event.topic, event);
    const owner = ownerOf(event);
    if (owner !== undefined) this.lease.mention(owner);
    if (this.items.has(event.topic) && owner !== this.lease.incarnation)
      this.items.set(event.topic, 'unwritten');
  }

  private write(): void {
    if (this.isWriting) return;
    this.isWriting = true;
    void this.writeAll().finally(() => (this.isWriting = false));
  }

  private async writeAll(): Promise<void> {
    for (const [topic, state] of this.items) {
      if (state === 'written') continue;
      const incarnation = await this.lease.held().catch(() => undefined);
      if (incarnation === undefined) return;
      const seen = this.seen.get(topic);
      const expect = !seen || isRemoval(seen) ? expectNone : seen.id;
      // Another event may be there meanwhile: it comes, and this is tried again.
      const position = await this.append({ topic, data: '1', meta: ownedBy(incarnation), expect }).catch(
        ignoreConflict,
      );
      if (position && incarnation === this.lease.incarnation) this.items.set(topic, 'written');
    }
  }

  private append(draft: Draft): Promise<Position> {
    if (this.isDead) return new Promise(() => undefined);
    if (this.withholds)
      return new Promise((resolve, reject) => {
        this.withheld.push(() => void this.store(draft).then(resolve, reject));
      });
    return this.store(draft);
  }

  private store(draft: Draft): Promise<Position> {
    if (this.world.time < this.cutUntil)
      return Promise.reject(new PushError('UNAVAILABLE', 'It is cut off from the log.'));
    try {
      return Promise.resolve(this.world.log.append(draft));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }
}

function ignoreConflict(error: unknown): undefined {
  if (error instanceof PushError && ['CONFLICT', 'UNAVAILABLE'].includes(error.code)) return undefined;
  throw error;
}

export { World, type SimulatedNode };
