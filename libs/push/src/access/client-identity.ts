import { createHash } from 'node:crypto';
import type { Principal } from '../contracts/principal.js';

/**
 * Identifies a client across its connections. The server makes the identity for the first connection and sends it in `hello`; the
 * client brings it to the next ones, on any node. It holds for one principal only: no other principal can use it.
 */
export interface ClientIdentity {
  /** Names the client in `LogEvent.except`, where other nodes see it. The token cannot be derived from it. */
  readonly id: string;
  /** What the client brings to its next connection: the id of its first connection, and its own id. */
  readonly token: string;
}

const grammar = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{22})$/;

/** Whether `value` has the form of a client's token. */
export function isClientToken(value: string): boolean {
  return grammar.test(value);
}

/**
 * The identity of a token, if it holds for this principal. Otherwise a new one, made from the id of the connection, which is
 * not guessable.
 */
export function identityOf(
  token: string | undefined,
  connection: string,
  principal: Principal | undefined,
): ClientIdentity {
  const [, root, claimed] = grammar.exec(token ?? '') ?? [];
  if (root !== undefined && claimed === idOf(root, principal)) return { id: claimed, token: token! };
  const id = idOf(connection, principal);
  return { id, token: `${connection}.${id}` };
}

/** Every node computes the same id, and another id for another principal. Nodes share no secret for it, and store nothing. */
function idOf(root: string, principal: Principal | undefined): string {
  const named = JSON.stringify([principal?.id ?? null, root]);
  return createHash('sha256').update(named).digest('base64url').slice(0, 22);
}
