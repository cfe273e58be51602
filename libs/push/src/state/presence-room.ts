import type { PresenceChange, PresenceMember, PresenceUser } from '../bus/presence.js';

/** A member, as the log has it. */
export interface MemberState {
  readonly member: string;
  readonly user: string | undefined;
  /** As JSON text. */
  readonly data: string | undefined;
}

/** Who reads one topic, as the log says: members, folded by user, and what nodes count besides. */
export class PresenceRoom {
  private readonly all = new Map<string, MemberState>();
  /** The clients of each user. The one whose data has changed last comes last. */
  private readonly byUser = new Map<string, Set<string>>();
  private readonly counts = new Map<string, number>();

  /** How many members there are. */
  get size(): number {
    return this.all.size;
  }

  get isEmpty(): boolean {
    return this.all.size === 0 && this.counts.size === 0;
  }

  /** How many clients there are. */
  get count(): number {
    let sum = this.all.size;
    for (const count of this.counts.values()) sum += count;
    return sum;
  }

  members(): PresenceMember[] {
    return [...this.all.values()].map(({ member, user, data }) => ({ member, user, data: parsed(data) }));
  }

  users(): PresenceUser[] {
    return [...this.byUser.keys()].map((key) => this.userOf(key)!);
  }

  /** What a node counts; 0 if it counts nothing any more. */
  noteCount(counter: string, count: number): void {
    if (count > 0) this.counts.set(counter, count);
    else this.counts.delete(counter);
  }

  /** A member is there, or is as it is now. Returns what that changes for its user. */
  set(state: MemberState): PresenceChange[] {
    const { member } = state;
    const before = this.all.get(member);
    const key = keyOf(state);
    // It is the same client of the same user: that a user changes is a leave and a join.
    const left = before && keyOf(before) !== key ? this.remove(member) : [];
    const known = this.userOf(key);
    if (before && before.data === state.data && left.length === 0) return left;
    this.all.set(member, state);
    const members = this.byUser.get(key) ?? new Set();
    members.delete(member);
    this.byUser.set(key, members.add(member));
    return [...left, ...changeOf(known, this.userOf(key))];
  }

  /** A member has left. Returns what that changes for its user. */
  remove(member: string): PresenceChange[] {
    const state = this.all.get(member);
    if (!state) return [];
    const key = keyOf(state);
    const known = this.userOf(key);
    this.all.delete(member);
    const members = this.byUser.get(key)!;
    members.delete(member);
    if (members.size === 0) this.byUser.delete(key);
    return changeOf(known, this.userOf(key));
  }

  /** What is different here from `before`, for each user. */
  changesSince(before: PresenceRoom): PresenceChange[] {
    const keys = new Set([...before.byUser.keys(), ...this.byUser.keys()]);
    return [...keys].flatMap((key) => changeOf(before.userOf(key), this.userOf(key)));
  }

  private userOf(key: string): PresenceUser | undefined {
    const members = this.byUser.get(key);
    if (!members) return undefined;
    const states = [...members].map((member) => this.all.get(member)!);
    const newest = states.findLast(({ data }) => data !== undefined);
    const [{ user, member }] = states as [MemberState];
    return { user: user ?? member, data: parsed(newest?.data), clients: states.length };
  }
}

function keyOf({ user, member }: MemberState): string {
  return user === undefined ? `member ${member}` : `user ${user}`;
}

function parsed(data: string | undefined): unknown {
  return data === undefined ? undefined : JSON.parse(data);
}

function changeOf(before: PresenceUser | undefined, after: PresenceUser | undefined): PresenceChange[] {
  if (!before) return after ? [{ type: 'join', user: after }] : [];
  if (!after) return [{ type: 'leave', user: before }];
  const isSame = JSON.stringify(before.data) === JSON.stringify(after.data);
  return isSame ? [] : [{ type: 'update', user: after }];
}
