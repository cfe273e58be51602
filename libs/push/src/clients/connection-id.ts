import { randomUUID } from 'node:crypto';

/**
 * Makes an id for a new connection. Node concatenates a UUID from twenty strings, and V8 would keep all of them in memory as
 * long as the id. The detour through a Buffer makes one flat string.
 */
export function connectionId(): string {
  return Buffer.from(randomUUID(), 'latin1').toString('latin1');
}
