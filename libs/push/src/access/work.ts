import type { IncomingHttpHeaders } from 'node:http';

/*
 * What requests cost, in units of work: about a tenth of a microsecond to a whole one. Reading the past is counted where it
 * is read, by entries looked at.
 */

const handshakeWork = 500;

/** Asking an authenticator about a token that came in a message. */
export const tokenWork = 500;

/** Asking a policy of the application. */
export const policyWork = 50;

const messageWork = 200;
const bytesPerUnit = 16;

/** Reading a message: parsing it, checking its shape, handing it on. */
export function workOfMessage(bytes: number): number {
  return messageWork + bytes / bytesPerUnit;
}

/** Letting a client in: the handshake, the authenticator, the connection; and reading the body that it sends along. */
export function workOfHandshake(headers: IncomingHttpHeaders): number {
  return handshakeWork + (Number(headers['content-length']) || 0) / bytesPerUnit;
}

/** Comparing a pattern with each of `rules` other ones. */
export function workOfMatching(pattern: string, rules: number): number {
  let tokens = 1;
  for (let at = pattern.indexOf('.'); at >= 0; at = pattern.indexOf('.', at + 1)) tokens++;
  return tokens * Math.max(rules, 1);
}
