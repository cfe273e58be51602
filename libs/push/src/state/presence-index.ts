import type { PresenceChange } from '../bus/presence.js';
import type { LogEvent } from '../contracts/event.js';
import { presenceTopicOf } from '../contracts/reserved.js';
import { isRemoval } from '../contracts/state.js';
import { ownerOf } from './ownership.js';
import { PresenceRoom } from './presence-room.js';

/** The newest event of a topic of presence that was not removed. */
export interface PresenceEntry {
  readonly id: string;
  readonly owner: string;
  /** Of a member, as JSON text. */
  readonly data?: string;
}

/** The data of an event of presence. */
interface Announced {
  readonly user?: string;
  readonly data?: unknown;
  readonly count?: number;
}

const nobody: ReadonlySet<string> = new Set();

/** All presence that the log has, as far as this node has read it. */
export class PresenceIndex {
  private readonly entries = new Map<string, PresenceEntry>();
  private readonly rooms = new Map<string, PresenceRoom>();
  private readonly owned = new Map<string, Set<string>>();

  /** What is there of a topic of presence. */
  entry(topic: string): PresenceEntry | undefined {
    return this.entries.get(topic);
  }

  /** The topics of presence that an incarnation has written last. */
  ownedBy(incarnation: string): ReadonlySet<string> {
    return this.owned.get(incarnation) ?? nobody;
  }

  /** Who reads a topic; `undefined` if nobody does. */
  room(topic: string): PresenceRoom | undefined {
    return this.rooms.get(topic);
  }

  /** Takes the next event of a topic of presence. Returns the topic that it is about, and what it changes there. */
  take(event: LogEvent): { readonly topic: string; readonly changes: readonly PresenceChange[] } | undefined {
    const about = presenceTopicOf(event.topic);
    const { id } = event;
    if (!about || id === undefined) return undefined;
    const owner = isRemoval(event) ? undefined : ownerOf(event);
    this.own(event.topic, owner);
    const room = this.rooms.get(about.topic) ?? new PresenceRoom();
    const { user, data, count } = (owner === undefined ? {} : JSON.parse(event.data)) as Announced;
    const text = data === undefined ? undefined : JSON.stringify(data);
    if (owner === undefined) this.entries.delete(event.topic);
    else this.entries.set(event.topic, { id, owner, data: text });
    let changes: readonly PresenceChange[] = [];
    if (about.counter !== undefined) room.noteCount(about.counter, count ?? 0);
    else if (owner === undefined) changes = room.remove(about.member!);
    else changes = room.set({ member: about.member!, user, data: text });
    if (room.isEmpty) this.rooms.delete(about.topic);
    else this.rooms.set(about.topic, room);
    return { topic: about.topic, changes };
  }

  private own(topic: string, owner: string | undefined): void {
    const former = this.entries.get(topic)?.owner;
    if (former === owner) return;
    if (former !== undefined) {
      const topics = this.owned.get(former)!;
      topics.delete(topic);
      if (topics.size === 0) this.owned.delete(former);
    }
    if (owner === undefined) return;
    const topics = this.owned.get(owner);
    if (topics) topics.add(topic);
    else this.owned.set(owner, new Set([topic]));
  }
}
