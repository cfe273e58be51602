import { isReserved, isWildcard } from '../../contracts/topic.js';

/** How many beginnings of wildcards are told apart, and how many patterns the server compares with. */
const mostPrefixes = 256;
const mostPatterns = 256;

/** What lies between the topics that some wildcards mean: after "~", the last visible character, comes DEL. */
export interface Ranges {
  readonly lows: readonly string[];
  readonly highs: readonly string[];
}

/** What the topics of some wildcards lie between: no two of these overlap. */
export function rangesOf(wildcards: readonly string[]): Ranges {
  const prefixes: string[] = [];
  for (const prefix of wildcards.map((wildcard) => wildcard.slice(0, wildcard.search(/[*>]/))).sort()) {
    const last = prefixes.at(-1);
    if (last === undefined || !prefix.startsWith(last)) prefixes.push(prefix);
  }
  const some = prefixes.length > mostPrefixes ? [''] : prefixes;
  // What is empty or a space is no topic.
  return { lows: some.map((prefix) => prefix || ' '), highs: some.map((prefix) => `${prefix}\x7f`) };
}

/** A regular expression of Postgres for the topics that some patterns mean; `undefined` if they are too many to compare with. */
export function filterOf(patterns: readonly string[]): string | undefined {
  if (patterns.length > mostPatterns) return undefined;
  const alternatives = patterns.map((pattern) => {
    const tokens = pattern.split('.').map((token) => {
      if (token === '*') return '[^.]+';
      return token === '>' ? '.+' : token.replaceAll(/[^A-Za-z0-9_-]/g, '\\$&');
    });
    // No wildcard stands for the first token of a reserved topic.
    const first = isWildcard(pattern) && !isReserved(pattern) ? '(?!\\$)' : '';
    return first + tokens.join('\\.');
  });
  return `^(?:${alternatives.join('|')})$`;
}
