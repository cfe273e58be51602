import type { ListenOptions } from './connect.js';
import { isolate } from './listeners.js';
import { LiveMap } from './live-map.js';
import { LiveState } from './live-state.js';
import { OwnPresence, type PresenceClient } from './own-presence.js';

/** A user who is there, with one client or several: tabs, devices. */
export interface PresentUser<Data = unknown> {
  /** The id of the user. An anonymous client is a user of its own, under a name that the server gives it. */
  readonly user: string;
  /** What one of the user's clients has set last; `undefined` if none has set anything. */
  readonly data: Data | undefined;
  /** How many clients the user has there. */
  readonly clients: number;
}

/** What happens: a user comes with the first client, leaves with the last one, or has other data. */
export type PresenceEvent = 'join' | 'leave' | 'update';

/** Options of `presenceOf`. */
export interface PresenceOptions extends ListenOptions {
  /** Whether this page is there too, as long as it looks. Default: `true`. */
  readonly join?: boolean;
}

/** The state of a member, or of a counter. */
interface Member<Data> {
  readonly user?: string;
  readonly data?: Data;
  readonly count?: number;
}

/** Who reads a topic: a live map, user → {@link PresentUser}. Created by `presenceOf`. */
export class LivePresence<Data = unknown> extends LiveMap<PresentUser<Data>> {
  readonly #members: LiveState<Member<Data>>;
  readonly #own: OwnPresence;
  readonly #prefix: string;
  /** The user of each member. */
  readonly #users = new Map<string, string>();
  /** The members of each user. The one that has changed last is the last. */
  readonly #clients = new Map<string, Set<string>>();
  readonly #handlers = {
    join: new Set<Handler<Data>>(),
    leave: new Set<Handler<Data>>(),
    update: new Set<Handler<Data>>(),
  };
  #count = 0;
  #hasBegun = false;
  readonly #onError: (error: unknown) => void;

  constructor(push: PresenceClient, topic: string, { join = true, signal }: PresenceOptions = {}) {
    super(push.onError);
    this.#onError = push.onError;
    this.#prefix = `$presence.${topic}.`;
    this.#own = new OwnPresence(push, topic, (error) => this.finish(error));
    if (join) this.#own.join();
    this.#members = new LiveState(push, `${this.#prefix}>`, { signal });
    this.#members.onChange((topics) => this.#fold(topics));
  }

  /** How many clients are there, also where there are so many that the server only counts them. */
  get count(): number {
    return this.#count;
  }

  /** The users who are there. */
  users(): PresentUser<Data>[] {
    return [...this.values()];
  }

  /**
   * Says something about this page that the others see: a name, whether the visitor types. Any JSON, 1 KiB at most; `null` takes
   * it back. It is sent again after each reconnection. A view without `join` joins by it. What the server refuses goes to the
   * client's `onError`.
   *
   * @throws PushError `DATA_NOT_SERIALIZABLE`
   */
  set(data: Data | null): void {
    this.#own.set(data);
  }

  /**
   * Calls `handler` when a user joins, leaves, or has other data: once for each user, however many clients it has, and also when
   * it has happened while there was no connection. Users who are there at the beginning do not join.
   *
   * @returns a function that removes the handler
   */
  on(event: PresenceEvent, handler: (user: PresentUser<Data>) => unknown): () => void {
    const own: Handler<Data> = (user) => handler(user);
    this.#handlers[event].add(own);
    return () => this.#handlers[event].delete(own);
  }

  protected override release(): void {
    this.#own.close();
    this.#members.close();
  }

  /** Takes the changes of members into the map of users. */
  #fold(topics: ReadonlySet<string>): void {
    const members = this.#members;
    const users = new Set<string>();
    for (const topic of topics) this.#note(topic, users);
    let count = this.#users.size;
    for (const [topic, { count: counted }] of members) if (this.#isCounter(topic)) count += counted ?? 0;
    if (count !== this.#count) this.touch();
    this.#count = count;
    for (const user of users) this.#tell(user);
    if (members.isLive) this.#hasBegun = true;
    if (members.error) this.finish(members.error);
    else if (members.isLive !== this.isLive) this.setLive(members.isLive);
  }

  /** @param users gets the users that it concerns */
  #note(topic: string, users: Set<string>): void {
    if (!this.#isMember(topic)) return;
    const before = this.#users.get(topic);
    if (before !== undefined) {
      const clients = this.#clients.get(before)!;
      clients.delete(topic);
      if (clients.size === 0) this.#clients.delete(before);
      this.#users.delete(topic);
      users.add(before);
    }
    const member = this.#members.get(topic);
    if (!member) return;
    const user = member.user ?? topic.slice(this.#prefix.length);
    this.#users.set(topic, user);
    this.#clients.set(user, (this.#clients.get(user) ?? new Set()).add(topic));
    users.add(user);
  }

  #tell(user: string): void {
    const before = this.get(user);
    const clients = [...(this.#clients.get(user) ?? [])];
    if (clients.length === 0) {
      this.drop(user);
      if (before) this.#emit('leave', before);
      return;
    }
    const said = clients.map((topic) => this.#members.get(topic)!.data).filter((data) => data !== undefined);
    const now: PresentUser<Data> = { user, data: said.at(-1), clients: clients.length };
    if (before && JSON.stringify(before) === JSON.stringify(now)) return;
    this.put(user, now);
    if (!before) this.#emit('join', now);
    else if (JSON.stringify(before.data) !== JSON.stringify(now.data)) this.#emit('update', now);
  }

  #emit(event: PresenceEvent, user: PresentUser<Data>): void {
    if (!this.#hasBegun) return;
    for (const handler of this.#handlers[event]) isolate(() => handler(user), this.#onError);
  }

  #isCounter(topic: string): boolean {
    return /^\$count\.[^.]+$/.test(topic.slice(this.#prefix.length));
  }

  /** Topics below this one may have presence too, which is none of ours. */
  #isMember(topic: string): boolean {
    return !topic.includes('.', this.#prefix.length);
  }
}

type Handler<Data> = (user: PresentUser<Data>) => unknown;
