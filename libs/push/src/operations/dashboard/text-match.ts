import { isPattern, isWildcard, overlaps } from '../../contracts/topic.js';

/** Whether something is what a filter looks for. */
export type TextMatch = (text: string) => boolean;

/** For a topic: whether it contains `filter`, or matches it if that is a pattern with wildcards. */
export function topicMatch(filter: string | undefined): TextMatch | undefined {
  if (filter === undefined) return undefined;
  if (isWildcard(filter) && isPattern(filter)) return (topic) => overlaps(filter, topic);
  return (topic) => topic.includes(filter);
}

/** For a topic or pattern that a client reads: whether it contains `filter`, or can match something that `filter` does. */
export function subscriptionMatch(filter: string | undefined): TextMatch | undefined {
  if (filter === undefined) return undefined;
  const isTopicLike = isPattern(filter);
  return (pattern) => pattern.includes(filter) || (isTopicLike && overlaps(filter, pattern));
}
