import { setTimeout as delay } from 'node:timers/promises';
import type { PresenceChange } from '../bus/presence.js';
import type { LogEvent } from '../contracts/event.js';
import { presencePattern, presenceTopicOf } from '../contracts/reserved.js';
import { isRemoval } from '../contracts/state.js';
import { defaultLease, type NodeLease } from './node-lease.js';
import { OwnCounts } from './own-counts.js';
import { OwnMembers } from './own-members.js';
import type { OwnedKind } from './owned-kind.js';
import type { OwnedWriter } from './owned-writer.js';
import { PresenceIndex } from './presence-index.js';
import { PresenceRoom } from './presence-room.js';
import type { PresenceRules } from './presence-rules.js';

/** How many members of a dead node are removed at once. */
const mostAtOnce = 64;

/** Counted clients become members so many milliseconds after there is room. */
const promotionDelay = 1_000;

/** What a node's presence needs besides. */
export interface PresenceNodeOptions {
  readonly rules: PresenceRules;
  /** How many milliseconds a dead connection may still seem to be there. */
  readonly patience: number;
  onError(error: unknown): void;
}

/** Called with what changes in a room. */
export type RoomListener = (changes: readonly PresenceChange[]) => void;

/** The presence of a node: what it reads of all nodes, what it writes for its own clients, and what it takes over. */
export class PresenceNode implements OwnedKind {
  readonly pattern = presencePattern;
  readonly members: OwnMembers;
  readonly writer: OwnedWriter;
  private readonly counts: OwnCounts;
  private readonly listeners = new Map<string, Set<RoomListener>>();
  private readonly promotions = new Map<string, NodeJS.Timeout>();
  private current = new PresenceIndex();
  /** What is read from the beginning, until that is complete. */
  private next: PresenceIndex | undefined = new PresenceIndex();

  constructor(
    private readonly lease: NodeLease,
    private readonly options: PresenceNodeOptions,
  ) {
    const onError = (error: unknown) => options.onError(error);
    const { writer, clock } = lease;
    const incarnation = () => lease.incarnation;
    const index = () => this.index;
    const { patience } = options;
    this.writer = writer;
    this.counts = new OwnCounts({ index, writer, incarnation, onError });
    const isOwn = (name: string) => lease.isOwn(name);
    const { counts } = this;
    this.members = new OwnMembers({ index, writer, counts, isOwn, incarnation, patience, clock, onError });
    lease.hold(this);
    lease.ask(defaultLease);
  }

  /** Who reads a topic, as far as this node has read; `undefined` if nobody does. */
  room(topic: string): PresenceRoom | undefined {
    return this.current.room(topic);
  }

  /** What the log has of a topic of presence. */
  entry(topic: string) {
    return this.index.entry(topic);
  }

  /** Calls `listener` with each change of a room. Returns a function that ends that. */
  watch(topic: string, listener: RoomListener): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(topic) === listeners) this.listeners.delete(topic);
    };
  }

  reopen(): void {
    this.next = new PresenceIndex();
  }

  take(event: LogEvent): void {
    const taken = this.index.take(event);
    // What is read from the beginning is compared when it is complete.
    if (!taken || this.next) return;
    this.members.noted(event);
    this.tell(taken.topic, taken.changes);
    if (isRemoval(event)) this.promoteLater(taken.topic);
  }

  opened(): void {
    const before = this.current;
    if (this.next) this.current = this.next;
    this.next = undefined;
    this.members.compare();
    this.counts.announce();
    const nobody = new PresenceRoom();
    for (const topic of this.listeners.keys()) {
      const room = this.current.room(topic) ?? nobody;
      this.tell(topic, room.changesSince(before.room(topic) ?? nobody));
    }
  }

  owns(incarnation: string): boolean {
    return this.index.ownedBy(incarnation).size > 0;
  }

  async onLapsed(incarnation: string, silence: number): Promise<void> {
    const topics = [...this.index.ownedBy(incarnation)];
    const graceOf = (topic: string) => this.options.rules.of(presenceTopicOf(topic)!.topic)?.grace ?? 0;
    const byGrace = topics
      .map((topic) => ({ topic, grace: graceOf(topic) }))
      .sort((a, b) => a.grace - b.grace);
    // They have been away for the time of a lease. Where the grace is longer, they may still come back.
    let waited = silence;
    while (byGrace.length > 0) {
      const group = byGrace.splice(0, mostAtOnce);
      const grace = group.at(-1)!.grace;
      if (grace > waited) await delay(grace - waited, undefined, { ref: false });
      waited = Math.max(waited, grace);
      await Promise.all(group.map(({ topic }) => this.removeOf(incarnation, topic)));
    }
  }

  onLost(): void {
    this.members.announce();
    this.counts.announce();
  }

  async close(isLast: boolean): Promise<void> {
    for (const timer of this.promotions.values()) clearTimeout(timer);
    await Promise.all([this.members.close(isLast), this.counts.close()]);
  }

  private get index(): PresenceIndex {
    return this.next ?? this.current;
  }

  /** Removes what a dead incarnation owns, unless its client has come elsewhere. */
  private async removeOf(incarnation: string, topic: string): Promise<void> {
    for (let entry = this.entry(topic); entry?.owner === incarnation; entry = this.entry(topic)) {
      if (await this.writer.remove(topic, entry.id)) return;
      if (this.entry(topic)?.id === entry.id) return;
    }
  }

  private tell(topic: string, changes: readonly PresenceChange[]): void {
    if (changes.length === 0) return;
    for (const listener of this.listeners.get(topic) ?? []) listener(changes);
  }

  private promoteLater(topic: string): void {
    if (this.members.counted(topic) === 0 || this.promotions.has(topic)) return;
    const timer = setTimeout(() => {
      this.promotions.delete(topic);
      const max = this.options.rules.of(topic)?.max ?? 0;
      const free = max - (this.room(topic)?.size ?? 0);
      // Each node takes its share, so that together they take hardly more than there is.
      this.members.promote(topic, Math.ceil(free / this.lease.nodes));
    }, promotionDelay).unref();
    this.promotions.set(topic, timer);
  }
}
