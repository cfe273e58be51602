/* The public entry. No file of the package imports it. */

import type { ConnectOptions } from './connect.options.js';
import { connectWith, type PushClient } from './connect.js';
import { positions, publisher, sse, tabs } from './core.js';
import type { PushTopics } from './declared-topics.js';

/**
 * Connects to the push endpoint of a server, and stays connected.
 *
 * ```ts
 * const push = connect<{ 'orders.*': Order }>('/push');
 * push.on('orders.*', (order, event) => show(order));
 * push.onGap(() => reload());
 * ```
 *
 * @param url the path of the server's `PushModule`; absolute outside of browsers
 * @throws PushError `UNAVAILABLE` if none of the transports exists here
 */
export function connect<Topics = PushTopics>(
  url: string | URL,
  options: ConnectOptions = {},
): PushClient<Topics> {
  return connectWith<Topics>(url, options, { positions, publisher, sse, tabs });
}

export type { ListenOptions, PushClient, Stop } from './connect.js';
export type { ConnectOptions, PositionStorage } from './connect.options.js';
export type { EventObserver, Events, EventsOptions, Reader, SubscribeOptions } from './events.js';
export type { Status, StatusChange } from './link.js';
export type { TransportName } from './protocol/connection.js';
export type { GapNotice, GapReason } from './protocol/gap.js';
export type { Ended, PushEvent, ServerMessage } from './protocol/messages.js';
export type { PushTopics } from './declared-topics.js';
export type {
  DeclaredTopic,
  FacetOf,
  PayloadOf,
  PresenceOf,
  PublishedBy,
  ResultOf,
  SnapshotOf,
  TopicFacets,
  TopicTypes,
} from './protocol/topic-types.js';
export type { Start } from './protocol/topics.js';
export type { PublishOptions, QueueOptions } from './publisher.js';
export { PushError } from './push-error.js';
export type { RequestMessage } from './requests.js';
export type { WebSocketClass, WebSocketLike } from './transports/websocket-class.js';
