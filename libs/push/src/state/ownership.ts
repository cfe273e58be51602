import { randomBytes } from 'node:crypto';
import type { EventMeta } from '../contracts/event-meta.js';

/** The property of an event's metadata that names the incarnation which has written it. */
const owner = '$owner';

/** A name for one life of a node. It is one token of a topic, and nobody can guess it. */
export function newIncarnation(): string {
  return randomBytes(12).toString('base64url');
}

/** Says that another node has written it, in the owner's name. */
const proxied = '$proxied';

/**
 * The metadata of what an incarnation owns. Nodes get it, clients do not.
 *
 * @param isProxied another node writes it in the owner's name
 */
export function ownedBy(incarnation: string, isProxied = false): EventMeta {
  return Object.freeze({ [owner]: incarnation, ...(isProxied && { [proxied]: true }) });
}

/** Whether a node has written an event in the name of another one, its owner. */
export function isProxied({ meta }: { readonly meta?: EventMeta }): boolean {
  return meta?.[proxied] === true;
}

/** The incarnation that has written an event; `undefined` for a removal, and for events that no node owns. */
export function ownerOf({ meta }: { readonly meta?: EventMeta }): string | undefined {
  const name = meta?.[owner];
  return typeof name === 'string' ? name : undefined;
}
