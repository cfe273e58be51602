import type { Observable } from 'rxjs';

/** A client that reads a topic: a tab, a device. Its name stays the same over reconnects. */
export interface PresenceMember<Data = unknown> {
  readonly member: string;
  /** The id of its principal; `undefined` for an anonymous client. */
  readonly user: string | undefined;
  /** What the client has set for itself; `undefined` if nothing. */
  readonly data: Data | undefined;
}

/** A user who reads a topic, with one client or several. */
export interface PresenceUser<Data = unknown> {
  /** The principal's id. An anonymous client is a user of its own, by the name of its member. */
  readonly user: string;
  /** What one of its clients has set last; `undefined` if none has set anything. */
  readonly data: Data | undefined;
  /** How many clients there are of this user. */
  readonly clients: number;
}

/** What has changed: a user has come with its first client, has left with its last one, or has other data. */
export interface PresenceChange<Data = unknown> {
  readonly type: 'join' | 'leave' | 'update';
  readonly user: PresenceUser<Data>;
}

/** Who reads a topic, on all nodes, as this node knows it. It is live: each call returns what is true then. */
export interface TopicPresence<Data = unknown> {
  /** The clients that are members, in no certain order. */
  members(): PresenceMember<Data>[];
  /** The members, folded by user. */
  users(): PresenceUser<Data>[];
  /** How many clients there are: members, and those that are only counted. */
  readonly count: number;
  /** Each change from now on, told once for each user. Completes when the application shuts down. */
  readonly changes: Observable<PresenceChange<Data>>;
}

/** Finds the presence of a topic. */
export interface PresenceSource {
  /** @throws PushError `INVALID_OPTION` for a topic whose rule has no presence */
  of(topic: string): TopicPresence;
}

/** Injects the {@link PresenceSource}. */
export const presenceSource = Symbol('PresenceSource');
