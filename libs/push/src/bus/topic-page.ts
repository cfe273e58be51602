import type { GapReason } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { assertTopic } from '../contracts/topic.js';
import type { Hub } from '../hub/hub.js';
import { answerCost } from '../hub/replay/older-events.js';
import type { Steps } from '../hub/replay/stepped-work.js';
import type { PushEvent } from './handled-events.js';

/** How `EventBus.history()` reads. */
export interface HistoryOptions {
  /** The id of an event: the page has what came before it. Default: the newest events. */
  readonly before?: string;
  /** The most events of the page, from 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** Gives up waiting: the promise rejects with `CLOSED`. */
  readonly signal?: AbortSignal;
}

/** A part of a topic's past. */
export interface TopicPage<Data = unknown> {
  /** Oldest first. There may be fewer than `limit` although there are more: a page has about 256 KiB at most. */
  readonly events: readonly PushEvent<Data>[];
  /** Ask with it for the events before these. `undefined` at the beginning. */
  readonly before?: string;
  /**
   * Why this is the beginning although there was more: `evicted` if retention has dropped it; `epoch`, `future` or `malformed`
   * if the `before` that was asked with is of another log, or of none. Then there are no events. `undefined`: nothing is missing.
   */
  readonly gap?: GapReason;
}

const defaultLimit = 50;
const mostEvents = 1_000;

/** How many events a page has that is asked for without a `limit`. */
export function limitOf(limit: number = defaultLimit): number | undefined {
  return Number.isInteger(limit) && limit >= 1 && limit <= mostEvents ? limit : undefined;
}

/** @throws PushError as `EventBus.history` */
export async function topicPage<Data>(
  hub: Hub,
  topic: string,
  { before, limit, signal }: HistoryOptions,
): Promise<TopicPage<Data>> {
  assertTopic(topic);
  const most = limitOf(limit);
  if (most === undefined)
    throw new PushError(
      'INVALID_OPTION',
      `The limit is ${String(limit)}; it has to be a whole number from 1 to ${mostEvents}.`,
    );
  const { events, ...rest } = await hub.older({ topic, before, limit: most, signal });
  return { events: await hub.inTurns(parsed<Data>(events), { signal }), ...rest };
}

function* parsed<Data>(events: readonly LogEvent[]): Steps<PushEvent<Data>[]> {
  const all: PushEvent<Data>[] = [];
  for (const event of events) {
    const { id, topic, type, data, meta } = event;
    all.push({ id, topic, type, data: JSON.parse(data) as Data, meta });
    yield answerCost(event);
  }
  return all;
}
