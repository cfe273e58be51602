import type { Clock } from '../contracts/clock.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { isAfter } from '../contracts/position.js';
import { memberTopicOf, presenceTopicOf } from '../contracts/reserved.js';
import type { OwnCounts } from './own-counts.js';
import { OwnMember, type PresentClient } from './own-member.js';
import type { OwnedWriter } from './owned-writer.js';
import { isProxied } from './ownership.js';
import type { PresenceEntry, PresenceIndex } from './presence-index.js';
import type { PresenceRule } from './presence-rules.js';

/** What could not be written is tried again after so many milliseconds. */
const retryDelay = 1_000;

/** What this node has in one topic. */
interface OwnRoom {
  readonly members: Set<OwnMember>;
  /** How many of them are only counted. */
  counted: number;
}

/** What the members of a node need besides. */
export interface OwnMembersContext {
  /** What the log has, as far as this node has read it. */
  index(): PresenceIndex;
  readonly writer: OwnedWriter;
  readonly counts: OwnCounts;
  /** Whether an incarnation is one of this node's own. */
  isOwn(incarnation: string): boolean;
  /** The present one. */
  incarnation(): string;
  /** How many milliseconds a dead connection may still seem to be there. */
  readonly patience: number;
  /** By which a client that is gone leaves. */
  readonly clock: Clock;
  onError(error: unknown): void;
}

/**
 * The clients of this node that are in rooms. Each is written as it should be, by compare and set: the node that a client has come to
 * last has it. What another node has written since is left alone.
 */
export class OwnMembers {
  private readonly members = new Map<string, OwnMember>();
  private readonly rooms = new Map<string, OwnRoom>();
  private isClosed = false;

  constructor(private readonly context: OwnMembersContext) {}

  /** How many there are, with those that are away. */
  get size(): number {
    return this.members.size;
  }

  /** A client of this node in a topic. */
  find(topic: string, member: string): OwnMember | undefined {
    return this.members.get(memberTopicOf(topic, member));
  }

  /** A connection reads a topic from now on. @param data what the client is there with, as JSON text */
  enter(topic: string, client: PresentClient, rule: PresenceRule, data?: string): OwnMember {
    const fresh = new OwnMember(topic, client.member, client.user, rule);
    const member = this.members.get(fresh.key) ?? this.add(fresh);
    member.connections.add(client.id);
    this.forgive(member);
    if (member.isElsewhere) member.data = this.context.index().entry(member.key)?.data;
    member.isElsewhere = false;
    if (data !== undefined) member.data = data;
    this.update(member);
    return member;
  }

  /** A connection does not read a topic any more. @param isGone it may come back: it has not unsubscribed, it is gone */
  leave(member: OwnMember, connection: string, isGone: boolean): void {
    if (!member.connections.delete(connection) || member.connections.size > 0) return;
    const { grace } = member.rule;
    if (isGone && grace > 0 && !member.isElsewhere)
      member.grace = this.context.clock.after(grace, () => {
        member.grace = undefined;
        this.update(member);
      });
    else this.update(member);
  }

  /** A client has set its data, as JSON text. */
  set(member: OwnMember, data: string | undefined): void {
    member.data = data;
    this.update(member);
  }

  /** The log has another event of a topic of presence, which the index has taken. */
  noted(event: LogEvent): void {
    const member = this.members.get(event.topic);
    if (!member) return this.removeOrphan(event.topic);
    if (member.id !== undefined && !isAfter(event.id!, member.id)) return;
    const entry = this.context.index().entry(event.topic);
    if (entry && this.context.isOwn(entry.owner)) this.written(member, entry, isProxied(event));
    else if (entry) this.lost(member);
    else this.removed(member);
  }

  /** The index was read from its beginning: everything is compared with it. */
  compare(): void {
    const { index, isOwn, incarnation } = this.context;
    for (const topic of index().ownedBy(incarnation()))
      if (!this.members.has(topic)) this.removeOrphan(topic);
    for (const member of this.members.values()) {
      const entry = index().entry(member.key);
      member.disown();
      member.isElsewhere = entry !== undefined && !isOwn(entry.owner);
      if (entry && !member.isElsewhere) member.id = entry.id;
      this.update(member);
    }
  }

  /** Writes everything once more: this node has another incarnation. */
  announce(): void {
    for (const member of this.members.values()) this.update(member);
  }

  /** Makes members of clients that were only counted, now that there is room. @param most how many */
  promote(topic: string, most: number): void {
    const room = this.rooms.get(topic);
    let left = most;
    for (const member of room?.members ?? []) {
      if (left <= 0 || room!.counted === 0) break;
      if (!member.isCounted || !member.isHere || member.rule.counts) continue;
      member.isCounted = false;
      room!.counted--;
      left--;
      this.update(member);
    }
    this.count(topic);
  }

  /** How many clients of a topic are only counted here. */
  counted(topic: string): number {
    return this.rooms.get(topic)?.counted ?? 0;
  }

  /** Writes nothing any more. @param isLast no other node would remove what this one leaves, so that it does so itself */
  async close(isLast: boolean): Promise<void> {
    this.isClosed = true;
    for (const member of this.members.values()) this.context.clock.cancel(member.grace);
    if (!isLast) return;
    const { writer } = this.context;
    const removals = [...this.members.values()].flatMap(({ key, id }) =>
      id === undefined ? [] : [writer.remove(key, id)],
    );
    await Promise.allSettled(removals);
  }

  private add(member: OwnMember): OwnMember {
    const { topic, key, rule } = member;
    const { index } = this.context;
    const entry = index().entry(key);
    // It brings what it has set on another node.
    member.data = entry?.data;
    const room = this.rooms.get(topic) ?? { members: new Set(), counted: 0 };
    const others = Math.max(index().room(topic)?.size ?? 0, room.members.size - room.counted);
    member.isCounted = rule.counts || (!entry && others >= rule.max);
    this.members.set(key, member);
    this.rooms.set(topic, room);
    room.members.add(member);
    if (member.isCounted) room.counted++;
    this.count(topic);
    return member;
  }

  private drop(member: OwnMember): void {
    this.forgive(member);
    const room = this.rooms.get(member.topic);
    if (!this.members.delete(member.key) || !room) return;
    room.members.delete(member);
    if (member.isCounted) room.counted--;
    this.count(member.topic);
    if (room.members.size === 0) this.rooms.delete(member.topic);
  }

  private forgive(member: OwnMember): void {
    this.context.clock.cancel(member.grace);
    member.grace = undefined;
  }

  private update(member: OwnMember): void {
    if (this.isClosed) return;
    if (!member.isCounted) this.write(member).catch(this.context.onError);
    else if (!member.isHere) this.drop(member);
  }

  private count(topic: string): void {
    this.context.counts.set(topic, this.counted(topic));
  }

  /** Removes what this node has written, and does not know: it was not told that it was stored. */
  private removeOrphan(topic: string): void {
    const { index, isOwn, writer, onError } = this.context;
    const entry = index().entry(topic);
    if (!entry || !isOwn(entry.owner) || presenceTopicOf(topic)?.member === undefined || this.isClosed)
      return;
    Promise.resolve()
      .then(() => !this.members.has(topic) && writer.remove(topic, entry.id))
      .catch((error: unknown) => {
        if (!(error instanceof PushError)) onError(error);
      });
  }

  private written(member: OwnMember, { id, owner, data }: PresenceEntry, isProxied: boolean): void {
    member.id = id;
    if (!isProxied) return;
    member.data = data;
    if (member.wanted !== undefined) member.written = { data: member.wanted, incarnation: owner };
  }

  /** The client has come to another node. */
  private lost(member: OwnMember): void {
    member.disown();
    member.isElsewhere = true;
    this.forgive(member);
    if (member.connections.size === 0 && !member.isBusy) this.drop(member);
  }

  private removed(member: OwnMember): void {
    member.disown();
    if (!member.isElsewhere) return this.update(member);
    // It has left the other node. Its connection here may be a dead one that it had before: that shows in a while.
    setTimeout(() => {
      if (!member.isElsewhere || this.context.index().entry(member.key)) return;
      member.isElsewhere = false;
      this.update(member);
    }, this.context.patience).unref();
  }

  /** Writes a member until the log has what it should have. */
  private async write(member: OwnMember): Promise<void> {
    if (member.isBusy) return;
    member.isBusy = true;
    // Never from inside of a delivery.
    await Promise.resolve();
    try {
      while (!this.isClosed && (await this.step(member)));
      member.isBusy = false;
      if (!member.isHere && member.id === undefined) this.drop(member);
    } catch (error) {
      // What is away comes back: others report that.
      if (!(error instanceof PushError)) this.context.onError(error);
      setTimeout(() => {
        member.isBusy = false;
        this.update(member);
      }, retryDelay).unref();
    }
  }

  /** Writes what is different. Returns whether to look again. */
  private async step(member: OwnMember): Promise<boolean> {
    const { wanted, written } = member;
    if (wanted === undefined) return member.id !== undefined && this.remove(member, member.id);
    const isSame = written?.data === wanted && written.incarnation === this.context.incarnation();
    return !isSame && this.store(member, wanted);
  }

  private async store(member: OwnMember, wanted: string): Promise<true> {
    const { writer, index } = this.context;
    const { key } = member;
    const expect = member.id ?? index().entry(key)?.id;
    const stored = await writer.set(key, wanted, expect);
    if (stored) {
      // It may have come from the log already, and others after it.
      if (member.id === undefined || isAfter(stored.id, member.id)) member.id = stored.id;
      if (!member.isElsewhere) member.written = { data: wanted, incarnation: stored.incarnation };
      return true;
    }
    const there = index().entry(key);
    if (expect !== undefined && there?.id === expect)
      throw new PushError('UNAVAILABLE', 'This node has not read its log that far. Try again.');
    if (member.id === expect) member.disown();
    member.data ??= there?.data;
    return true;
  }

  private async remove(member: OwnMember, id: string): Promise<true> {
    const { writer, index, isOwn } = this.context;
    const isRemoved = await writer.remove(member.key, id);
    if (member.id !== id) return true;
    member.disown();
    // Something else is there. It may be this node's own, of which it had not heard.
    const there = isRemoved ? undefined : index().entry(member.key);
    if (there && there.id !== id && isOwn(there.owner)) member.id = there.id;
    return true;
  }
}
