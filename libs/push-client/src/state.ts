/* The entry for state: it works with `connect` and with `connectWith`. */

import type { PushClient } from './connect.js';
import type { TopicOf } from './declared-topics.js';
import { LiveState, type StateOptions, type StateSource } from './live-state.js';
import type { DeclaredTopic, PayloadOf } from './protocol/topic-types.js';

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

export type { ListenOptions } from './connect.js';
export type { SnapshotObserver } from './live-map.js';
export { LiveState, type StateOptions, type StateSource, type StateStart } from './live-state.js';
export { PushError } from './push-error.js';
