/* The entry for what is past: it works with `connect`, with `connectWith`, and without either. */

import type { ConnectOptions } from './connect.options.js';
import { Credentials } from './credentials.js';
import type { PushTopics } from './declared-topics.js';
import type { HistoryBody, RefusalBody } from './protocol/http.js';
import type { PushEvent } from './protocol/messages.js';
import type { DeclaredTopic, PayloadOf } from './protocol/topic-types.js';
import { PushError } from './push-error.js';

/** Which part of the past is read. */
export interface HistoryOptions {
  /** The id of an event: the page has what came before it. Default: the newest events. */
  readonly before?: string;
  /** The most events of the page, from 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** Gives up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A part of a topic's past. */
export interface HistoryPage<Data = unknown> extends Omit<HistoryBody, 'events'> {
  /** Oldest first. There may be fewer than `limit` although there are more: `before` says so. */
  readonly events: readonly PushEvent<Data>[];
}

/** Reads a page of a topic's past. */
export type ReadHistory<Topics> = <const Topic extends string>(
  topic: DeclaredTopic<Topics, Topic>,
  options?: HistoryOptions,
) => Promise<HistoryPage<PayloadOf<Topics, Topic>>>;

/**
 * What reads the past of topics, page by page, backwards.
 *
 * ```ts
 * const history = historyOf('/push');
 * let page = await history('rooms.42');
 * show(page.events);
 * if (page.before) page = await history('rooms.42', { before: page.before });
 * ```
 *
 * A promise rejects with a `PushError`: the server's refusal, or `UNAVAILABLE` if it cannot be reached.
 *
 * @param url the path of the server's `PushModule`; absolute outside of browsers
 * @param options as those of `connect`: credentials, headers and `fetch` are used
 */
export function historyOf<Topics = PushTopics>(
  url: string | URL,
  options: Pick<ConnectOptions, 'token' | 'ticket' | 'headers' | 'credentials' | 'fetch'> = {},
): ReadHistory<Topics> {
  const read = async (
    topic: string,
    { before, limit, signal }: HistoryOptions = {},
  ): Promise<HistoryPage> => {
    const base = new URL(url, (globalThis as { location?: Location }).location?.href);
    const { url: target, token } = await new Credentials(base, options).next();
    target.pathname += '/history';
    target.searchParams.set('topic', topic);
    if (before !== undefined) target.searchParams.set('before', before);
    if (limit !== undefined) target.searchParams.set('limit', String(limit));
    const { headers, fetch: send = fetch } = options;
    const authorization = token ? { authorization: `Bearer ${token}` } : undefined;
    let body: unknown;
    try {
      const answer = await send(target, {
        headers: { ...headers, ...authorization },
        credentials: options.credentials ?? 'same-origin',
        cache: 'no-store',
        signal,
      });
      body = await answer.json();
      if (answer.ok) return body as HistoryPage;
    } catch (error) {
      signal?.throwIfAborted();
      throw new PushError('UNAVAILABLE', String(error), true);
    }
    const { code = 'REFUSED', message, statusCode, details } = body as RefusalBody;
    throw new PushError(code, message, statusCode === 429 || statusCode === 503, undefined, details);
  };
  return read as ReadHistory<Topics>;
}

export type { GapReason } from './protocol/gap.js';
export type { PushEvent } from './protocol/messages.js';
export { PushError } from './push-error.js';
