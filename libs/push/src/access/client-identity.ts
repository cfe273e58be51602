import { createHash } from 'node:crypto';
import type { Principal } from '../contracts/principal.js';

/**
 * Who a client is across its connections. The server makes it for the first of them, says it in `hello`, and the client brings it
 * back to the next ones, on whichever node. It is the client's and its principal's: nobody else can be named by it.
 */
export interface ClientIdentity {
  /** Names the client where others may see it: `LogEvent.except`. It does not tell the token. */
  readonly id: string;
  /** What the client brings back: the root that its first connection was given, and the id. */
  readonly token: string;
}

const grammar = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{22})$/;

/** Whether `value` looks like a token that a server has given out. */
export function isClientToken(value: string): boolean {
  return grammar.test(value);
}

/**
 * The identity that a token stands for, if it is one of the principal's; otherwise a new one, which grows from the connection's id:
 * nobody can guess that.
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

/** All nodes find the same id, and with another principal another one: they need share no secret, and keep nothing. */
function idOf(root: string, principal: Principal | undefined): string {
  const named = JSON.stringify([principal?.id ?? null, root]);
  return createHash('sha256').update(named).digest('base64url').slice(0, 22);
}
