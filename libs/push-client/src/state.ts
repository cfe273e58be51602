/* The entry for state: it works with `connect` and with `connectWith`. */

import type { PushClient } from './connect.js';
import type { TopicOf } from './declared-topics.js';
import { LiveState, type StateOptions, type StateSource } from './live-state.js';
import type { DeclaredTopic, PayloadOf } from './protocol/topic-types.js';
import type { PublishOptions } from './publisher.js';

/**
 * What the topics of a pattern are now, as a live map: topic → data.
 *
 * ```ts
 * const items = stateOf(push, 'rooms.42.items.*');
 * await items.live;
 * items.onChange((topics) => topics.forEach((topic) => draw(topic, items.get(topic))));
 * items.close();
 * ```
 *
 * The map begins with the newest event of each topic. Removals on the server (`bus.remove`) take topics out of it, and so
 * does the end of their `ttl`. After a gap it is loaded again by itself. Each map is a subscription of its own.
 *
 * @param pattern a topic or pattern; state topics (`state: true` in the server's rules) keep their newest event for ever
 * @param options `start` is a state that the page has already; `signal` closes the map
 */
export function stateOf<const Pattern extends string, Topics extends object>(
  push: PushClient<Topics>,
  pattern: DeclaredTopic<Topics, Pattern>,
  options?: StateOptions<PayloadOf<Topics, Pattern>>,
): LiveState<PayloadOf<Topics, Pattern>>;
/** The same for data of a type that the client does not declare: `stateOf<Item>(push, 'rooms.42.items.*')`. */
export function stateOf<Data = never>(
  push: StateSource,
  pattern: TopicOf<Data>,
  options?: StateOptions<NoInfer<Data>>,
): LiveState<Data>;
export function stateOf<Data>(
  push: StateSource,
  pattern: string,
  options?: StateOptions<Data>,
): LiveState<Data> {
  return new LiveState(push, pattern, options);
}

/**
 * Removes the state of a state topic, as `bus.remove` does on the server, where a policy with `canRemove` allows it. A removal
 * waits for a connection and is sent again as what is published is.
 *
 * @returns the id of the removal, once it is stored
 * @throws PushError `FORBIDDEN`; `CONFLICT` if the topic's newest event is not the one of `expect`; `INVALID_MESSAGE` for a topic
 * that is no state topic; else as `publish`
 */
export async function removeState<const Topic extends string, Topics>(
  push: Pick<PushClient<Topics>, 'publish'>,
  topic: DeclaredTopic<Topics, Topic>,
  options?: RemoveOptions,
): Promise<string> {
  const id = await push.publish(topic, null as never, { ...options, remove: true });
  return id!;
}

/** How a state is removed: see {@link PublishOptions}. */
export type RemoveOptions = Pick<PublishOptions, 'expect' | 'messageId' | 'echo' | 'signal'>;

export type { ListenOptions } from './connect.js';
export type { SnapshotObserver } from './live-map.js';
export { LiveState, type StateOptions, type StateSource, type StateStart } from './live-state.js';
export { PushError } from './push-error.js';
