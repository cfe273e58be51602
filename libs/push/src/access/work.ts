import type { IncomingHttpHeaders } from 'node:http';

/*
 * The cost of requests, in units of work of 0.1 to 1 microsecond. Reads of past events are counted by the reader, by the
 * entries that it examines.
 */

const handshakeWork = 500;

/** Authenticating a token that came in a message. */
export const tokenWork = 500;

/** Calling a policy of the application. */
export const policyWork = 50;

const messageWork = 200;
const bytesPerUnit = 16;

/** Handling a message: parsing it, and checking its shape. */
export function workOfMessage(bytes: number): number {
  return messageWork + bytes / bytesPerUnit;
}

/** Accepting a client: the handshake, the authenticator, the connection, and the body of its request. */
export function workOfHandshake(headers: IncomingHttpHeaders): number {
  return handshakeWork + (Number(headers['content-length']) || 0) / bytesPerUnit;
}

/** Comparing a pattern with each of `rules` other ones. */
export function workOfMatching(pattern: string, rules: number): number {
  let tokens = 1;
  for (let at = pattern.indexOf('.'); at >= 0; at = pattern.indexOf('.', at + 1)) tokens++;
  return tokens * Math.max(rules, 1);
}
