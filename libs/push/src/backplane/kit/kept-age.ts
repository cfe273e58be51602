import { isEnd } from '../../contracts/end.js';
import type { LogEvent } from '../../contracts/event.js';
import type { TopicRetention } from '../../contracts/retention.js';
import { isRemoval } from '../../contracts/state.js';

/**
 * How long an event is kept, in milliseconds: the end of a finite topic, and a removal that is its newest event, may be kept
 * for longer than other events.
 */
export function keptAge(event: Pick<LogEvent, 'meta'>, { age, ends }: TopicRetention): number {
  if (!ends) return age;
  if (isEnd(event)) return Math.max(age, ends.ttl);
  return isRemoval(event) ? Math.max(age, ends.tombstones) : age;
}
