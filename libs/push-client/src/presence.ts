/* The entry for presence: it works with `connect` and with `connectWith`. */

import type { PushClient } from './connect.js';
import type { TopicOf } from './declared-topics.js';
import { LivePresence, type PresenceOptions } from './live-presence.js';
import type { PresenceClient } from './own-presence.js';
import type { DeclaredTopic, PresenceOf } from './protocol/topic-types.js';

/**
 * Who reads a topic, folded by user, as a live map: user → what is known of it.
 *
 * ```ts
 * const room = presenceOf(push, 'rooms.42');
 * room.onChange(() => show(room.users(), room.count));
 * room.on('join', ({ user }) => greet(user));
 * room.set({ typing: true });
 * room.close();
 * ```
 *
 * The page is there itself as long as the view is open, unless `join` is `false`: the view reads the topic. The server's rule for
 * the topic needs `presence`. Where topics below this one have presence too, the client has to be allowed to read them as well.
 *
 * @param topic an exact topic
 */
export function presenceOf<const Topic extends string, Topics extends object>(
  push: PushClient<Topics>,
  topic: DeclaredTopic<Topics, Topic>,
  options?: PresenceOptions,
): LivePresence<PresenceOf<Topics, Topic>>;
/** The same for data of a type that the client does not declare: `presenceOf<Status>(push, 'rooms.42')`. */
export function presenceOf<Data = never>(
  push: PresenceClient,
  topic: TopicOf<Data>,
  options?: PresenceOptions,
): LivePresence<Data>;
export function presenceOf<Data>(
  push: PresenceClient,
  topic: string,
  options?: PresenceOptions,
): LivePresence<Data> {
  return new LivePresence(push, topic, options);
}

export type { ListenOptions } from './connect.js';
export type { SnapshotObserver } from './live-map.js';
export { LivePresence, type PresenceEvent, type PresenceOptions, type PresentUser } from './live-presence.js';
export type { PresenceClient } from './own-presence.js';
export { PushError } from './push-error.js';
