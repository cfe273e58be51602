import { getRandomValues } from 'node:crypto';
import { endOfToken } from '../../contracts/topic.js';

/** How many tokens of a pattern are hashed: as many as a mask has bits. */
export const maskedTokens = 32;

/** Known to this process alone: clients cannot choose topics with the same hash. */
const keys = getRandomValues(new Int32Array(maskedTokens + 1)).map((key) => key | 1);

/** A hash of the token from `start` to `end`, as the one at a place. Those of several tokens are added up. */
export function tokenHash(path: string, start: number, end: number, place: number): number {
  const key = keys[maskedTokens]!;
  let hash = key;
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ path.charCodeAt(at), key);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, keys[place]!);
}

/** What a pattern has besides wildcards. */
export interface Literals {
  /** How many tokens, without a last `>`. */
  readonly length: number;
  readonly isOpen: boolean;
  /** Has a bit for each of the first tokens that is not `*`. */
  readonly mask: number;
  /** The sum of the hashes of those. */
  readonly hash: number;
}

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
