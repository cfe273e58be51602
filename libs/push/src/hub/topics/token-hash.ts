import { getRandomValues } from 'node:crypto';
import { endOfToken } from '../../contracts/topic.js';

/** How many tokens of a pattern are hashed: as many as a mask has bits. */
export const maskedTokens = 32;

/** Only this process knows them: a client cannot choose topics that have the same hash. */
const keys = getRandomValues(new Int32Array(maskedTokens + 1)).map((key) => key | 1);

/**
 * The hash of one token: the characters of `path` from `start` to `end`.
 *
 * @param index which token of the path it is. The hash of several tokens is the sum of theirs
 */
export function tokenHash(path: string, start: number, end: number, index: number): number {
  const key = keys[maskedTokens]!;
  let hash = key;
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ path.charCodeAt(at), key);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, keys[index]!);
}

/** Where a pattern has wildcards, and a hash of its other tokens. */
export interface Literals {
  /** How many tokens it has, without a last `>`. */
  readonly length: number;
  /** Whether it ends with `>`. */
  readonly isOpen: boolean;
  /** Has a bit for each of the first `maskedTokens` tokens that is not `*`. */
  readonly mask: number;
  /** The hash of those tokens. */
  readonly hash: number;
}

/** Takes a pattern apart. */
export function literals(pattern: string): Literals {
  let length = 0;
  let mask = 0;
  let hash = 0;
  for (let at = 0; at <= pattern.length; length++) {
    const end = endOfToken(pattern, at);
    const char = end - at === 1 ? pattern[at] : '';
    if (char === '>') return { length, isOpen: true, mask, hash };
    if (char !== '*' && length < maskedTokens) {
      mask |= 1 << length;
      hash = (hash + tokenHash(pattern, at, end, length)) | 0;
    }
    at = end + 1;
  }
  return { length, isOpen: false, mask, hash };
}
