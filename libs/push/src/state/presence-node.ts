import { setTimeout as delay } from 'node:timers/promises';
import type { PresenceChange } from '../bus/presence.js';
import type { Backplane } from '../contracts/backplane.js';
import type { LogEvent } from '../contracts/event.js';
import { leaseOf, presenceTopicOf } from '../contracts/reserved.js';
import { isRemoval } from '../contracts/state.js';
import type { Hub } from '../hub/hub.js';
import { Lease, type LeaseHolder } from './lease.js';
import { OwnCounts } from './own-counts.js';
import { OwnMembers } from './own-members.js';
import { OwnedReader, type OwnedListener } from './owned-reader.js';
import { OwnedWriter } from './owned-writer.js';
import { ownerOf } from './ownership.js';
import { PresenceIndex } from './presence-index.js';
import { PresenceRoom } from './presence-room.js';
import type { PresenceRules } from './presence-rules.js';

/** Milliseconds without a renewal after which other nodes take over what a node owns. */
const leaseDuration = 10_000;

/** How many members of a dead node are removed at once. */
const mostAtOnce = 64;

/** How many of its own former incarnations a node remembers. */
const mostFormer = 16;

/** How long a shutdown waits for its last words to the log, in milliseconds. */
const lastWords = 1_000;

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
export class PresenceNode implements LeaseHolder, OwnedListener {
  readonly members: OwnMembers;
  readonly writer: OwnedWriter;
  readonly lease: Lease;
  private readonly reader: OwnedReader;
  private readonly counts: OwnCounts;
  private readonly listeners = new Map<string, Set<RoomListener>>();
  private readonly former = new Set<string>();
  private readonly promotions = new Map<string, NodeJS.Timeout>();
  private current = new PresenceIndex();
  /** What is read from the beginning, until that is complete. */
  private next: PresenceIndex | undefined = new PresenceIndex();

  constructor(
    hub: Hub,
    backplane: Backplane,
    private readonly options: PresenceNodeOptions,
  ) {
    const onError = (error: unknown) => options.onError(error);
    this.lease = new Lease(backplane, this, { duration: leaseDuration });
    this.reader = new OwnedReader(hub, this);
    this.writer = new OwnedWriter(backplane, this.lease, this.reader);
    const incarnation = () => this.lease.incarnation;
    const { writer } = this;
    const index = () => this.index;
    this.counts = new OwnCounts({ index, writer, incarnation, onError });
    this.members = new OwnMembers({
      index,
      writer,
      counts: this.counts,
      isOwn: (name) => name === this.lease.incarnation || this.former.has(name),
      incarnation,
      patience: options.patience,
      onError,
    });
  }

  start(): void {
    this.reader.start();
    this.lease.start();
  }

  /** Leaves what it owns to the others, or removes it if there are none. Takes a second at most. */
  async stop(): Promise<void> {
    for (const timer of this.promotions.values()) clearTimeout(timer);
    const isLast = !this.lease.hasOthers;
    const left = Promise.all([this.members.close(isLast), this.counts.close()]).then(() =>
      this.lease.release(),
    );
    // What is away does not hold a shutdown up: the others take over anyway.
    const late = new AbortController();
    const time = delay(lastWords, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([left.catch(() => undefined), time]);
    late.abort();
    this.reader.stop();
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
    this.lease.reopen();
  }

  take(event: LogEvent): void {
    if (leaseOf(event.topic) !== undefined) return this.lease.take(event);
    const owner = ownerOf(event);
    if (owner !== undefined) this.lease.mention(owner);
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
    this.lease.opened();
    const nobody = new PresenceRoom();
    for (const topic of this.listeners.keys()) {
      const room = this.current.room(topic) ?? nobody;
      this.tell(topic, room.changesSince(before.room(topic) ?? nobody));
    }
  }

  owns(incarnation: string): boolean {
    return this.index.ownedBy(incarnation).size > 0;
  }

  async onLapsed(incarnation: string): Promise<void> {
    const topics = [...this.index.ownedBy(incarnation)];
    const graceOf = (topic: string) => this.options.rules.of(presenceTopicOf(topic)!.topic)?.grace ?? 0;
    const byGrace = topics
      .map((topic) => ({ topic, grace: graceOf(topic) }))
      .sort((a, b) => a.grace - b.grace);
    // They have been away for the time of a lease. Where the grace is longer, they may still come back.
    let waited = leaseDuration;
    while (byGrace.length > 0) {
      const group = byGrace.splice(0, mostAtOnce);
      const grace = group.at(-1)!.grace;
      if (grace > waited) await delay(grace - waited, undefined, { ref: false });
      waited = Math.max(waited, grace);
      await Promise.all(group.map(({ topic }) => this.removeOf(incarnation, topic)));
    }
  }

  onLost(former: string): void {
    this.former.add(former);
    if (this.former.size > mostFormer) this.former.delete([...this.former][0]!);
    this.members.announce();
    this.counts.announce();
  }

  onError(error: unknown): void {
    this.options.onError(error);
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
