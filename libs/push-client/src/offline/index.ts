/* The entry for pages that are offline at times: it works with `connect` and with `connectWith`. */

import type { PushClient } from '../connect.js';
import type { PushTopics } from '../declared-topics.js';
import { Freshness, type FreshnessOptions, type FreshnessSource } from './freshness.js';
import { Outbox, type OutboxClient, type OutboxOptions } from './outbox.js';

/**
 * Events that wait across reloads of the page until the server has stored them, each once.
 *
 * ```ts
 * const outbox = outboxOf(push, { storage: localStorage, user: user.id });
 * await outbox.publish('board.notes', { text: 'Hello' });
 * outbox.onChange(() => badge(outbox.waiting.length));
 * ```
 *
 * What a former page of the user has left is published as soon as it is made, in order, and before anything new. Close it when the
 * user changes. An event is stored once although its answer was lost, and although two tabs publish it, because the server
 * recognises its `messageId`: for an hour, with NATS for two minutes, unless the server's `rememberMessageIds` says otherwise. An
 * event whose answer was lost with the page, and that a page finds after that time, is stored twice.
 *
 * @param push a client that may publish: with `connectWith`, one with the part `publisher`
 */
export function outboxOf<Topics = PushTopics>(
  push: PushClient<Topics>,
  options: OutboxOptions,
): Outbox<Topics> {
  return new Outbox<Topics>(push as OutboxClient, options);
}

/**
 * Whether what a page shows is up to date.
 *
 * ```ts
 * const freshness = freshnessOf(push);
 * freshness.onChange(() => banner(freshness.isFresh, freshness.since)); // false, 1785153600000: "as of 12:03"
 * ```
 *
 * @param source the client for everything, a route, or one live map or run
 * @param options `after`: how long an interruption may last that nobody has to see
 * @param onError gets the errors of listeners. Default: that of the client, else `console.error`
 */
export function freshnessOf(
  source: FreshnessSource & { readonly onError?: (error: unknown) => void },
  options: FreshnessOptions = {},
  onError = source.onError ?? ((error: unknown) => console.error(error)),
): Freshness {
  return new Freshness(source, options, onError);
}

export type { ListenOptions } from '../listeners.js';
export { PushError } from '../push-error.js';
export { Freshness, type FreshnessOptions, type FreshnessSource } from './freshness.js';
export { Outbox, type OutboxClient, type OutboxOptions, type OutboxPublishOptions } from './outbox.js';
export type { OutboxEvent, OutboxRefusal, OutboxStorage } from './stored-events.js';
