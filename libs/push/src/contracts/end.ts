import { PushError } from './errors.js';
import type { EventMeta } from './event-meta.js';

/**
 * What the data of an end is: an event of its own, nothing, or the whole result of the topic, which stands for all of the
 * events before it.
 */
export type EndData = 'event' | 'none' | 'result';

/** Why a topic has ended that was ended without a reason. */
export const defaultReason = 'done';

/** The property of the metadata that says what the data is, unless it is an event of its own. */
const dataOf = '$end';

/** The end of a topic that an event is. */
export interface End {
  /** Why the topic has ended: a word, such as `done` or `cancelled`. */
  readonly reason: string;
  readonly data: EndData;
}

/**
 * The metadata of an event that ends its topic.
 *
 * @param meta what else it carries
 */
export function endMeta({ reason, data }: End, meta?: EventMeta): EventMeta {
  return Object.freeze({ ...meta, end: reason, ...(data !== 'event' && { [dataOf]: data }) });
}

/** The end that an event is; `undefined` for any other event. */
export function endOf({ meta }: { readonly meta?: EventMeta }): End | undefined {
  if (typeof meta?.end !== 'string') return undefined;
  const data = meta[dataOf];
  return { reason: meta.end, data: data === 'none' || data === 'result' ? data : 'event' };
}

/** Whether an event is the last one of its topic. It costs nothing for events without metadata. */
export function isEnd({ meta }: { readonly meta?: EventMeta }): boolean {
  return meta !== undefined && typeof meta.end === 'string';
}

/** The error of an append to a topic that has ended. */
export function endedError(topic: string): PushError {
  const advice = 'Publish to another topic, or let this one begin again with EventBus.forget().';
  return new PushError('ENDED', `${topic} has ended: nothing follows its end. ${advice}`);
}
