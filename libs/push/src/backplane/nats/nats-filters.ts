import { covers, isWildcard, overlaps } from '../../contracts/topic.js';

/** How many consumers read a page. */
export const mostConsumers = 16;

/** How many subjects one consumer filters, where the server can (from 2.10 on). */
const mostFiltered = 256;

/**
 * What consumers are to filter, so that they bring all that matches `patterns`: several patterns for each, or one that
 * covers more than was asked for, since servers before 2.10 know one filter a consumer, and none takes overlapping ones.
 */
export function filtersOf(patterns: readonly string[], canFilterMany: boolean): string[][] {
  if (patterns.length <= mostConsumers)
    return patterns
      .filter((pattern) => !patterns.some((other) => other !== pattern && covers(other, pattern)))
      .map((pattern) => [pattern]);
  const wildcards = patterns.filter(isWildcard);
  const isApart = () =>
    wildcards.every((wildcard) => !patterns.some((other) => other !== wildcard && overlaps(wildcard, other)));
  if (canFilterMany && patterns.length <= mostFiltered && wildcards.length <= mostConsumers && isApart())
    return [[...patterns]];
  return [[commonPattern(patterns)]];
}

/** A pattern that covers all of `patterns`. */
function commonPattern(patterns: readonly string[]): string {
  const [first, ...others] = patterns.map((pattern) => pattern.split('.'));
  const common: string[] = [];
  for (const [index, token] of first!.entries()) {
    const isShared = !/[*>]/.test(token) && others.every((tokens) => tokens[index] === token);
    // The last token of a pattern is left to ">": it stands for one token at least.
    if (!isShared || others.some((tokens) => tokens.length === index + 1)) break;
    if (index === first!.length - 1) break;
    common.push(token);
  }
  return [...common, '>'].join('.');
}

/** Whether a server of this version filters several subjects for a consumer. */
export function canFilterMany(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 10);
}
