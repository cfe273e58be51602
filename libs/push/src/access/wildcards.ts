import { PushError } from '../contracts/errors.js';
import { hasInnerWildcard } from '../contracts/topic.js';

/** @throws PushError `LIMIT_EXCEEDED` (not retryable) if more than `most` of `patterns` have a wildcard before their last token */
export function assertWildcards(patterns: readonly string[], most: number): void {
  if (patterns.length <= most || new Set(patterns.filter(hasInnerWildcard)).size <= most) return;
  const advice = 'Name the topics, let the patterns end with ".*" or ".>", or unsubscribe from some first.';
  throw new PushError(
    'LIMIT_EXCEEDED',
    `A connection may have ${most} patterns with a wildcard before their last token. ${advice}`,
    { retryable: false },
  );
}
