import { randomUUID } from 'node:crypto';

/**
 * An id for a new connection. Node puts a UUID together from twenty pieces, which would be held as long as the id is; this
 * is one string.
 */
export function connectionId(): string {
  return Buffer.from(randomUUID(), 'latin1').toString('latin1');
}
