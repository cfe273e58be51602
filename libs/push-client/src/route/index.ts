/* The entry for an application's own routes: it works with `connect` and with `connectWith`. */

import { Route, type RouteClient, type RouteOptions } from './route.js';

/**
 * Reads an `@Sse()` route of the application, as the client reads topics: resumed by the last id without a hole or a repeat, with
 * the client's token, headers and cookies, and at the server's pace.
 *
 * ```ts
 * const order = routeOf<Order>(push, '/orders/42/events');
 * order.on((data, event) => show(data));
 * order.onGap(() => reload());
 * order.close();
 * ```
 *
 * It is connected as long as something reads it, by a stream of its own: not over the client's connection, and not shared among
 * tabs. If the server refuses it for good (403, 404), handlers and loops end with the `PushError`, which goes to `onError` too.
 *
 * @param push whose server, options and life it shares
 * @param path the route's path, with its query
 * @throws PushError `REFUSED` if `path` is a url of another origin than the client's
 */
export function routeOf<Data = unknown>(
  push: RouteClient,
  path: string,
  options: RouteOptions<Data> = {},
): Route<Data> {
  return new Route(push, path, options);
}

export type { Stop } from '../connect.js';
export type { EventObserver, Events } from '../events.js';
export type { Status, StatusChange } from '../link.js';
export type { ListenOptions } from '../listeners.js';
export type { GapNotice, GapReason } from '../protocol/gap.js';
export type { Ended, PushEvent, Removed, TopicSnapshot } from '../protocol/messages.js';
export { PushError } from '../push-error.js';
export type { RouteFormat } from './route-block.js';
export { Route, type RouteClient, type RouteEventsOptions, type RouteOptions } from './route.js';
