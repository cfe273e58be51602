/* The entry for small bundles: `connectWith` and its optional parts. */

import type { Parts } from './parts.js';
import { Publisher } from './publisher.js';
import { StoredPositions } from './stored-positions.js';
import { canShare, SharedLink } from './tabs/shared-link.js';
import { SseTransport } from './transports/sse.js';

export { connectWith } from './connect.js';
export type { Parts } from './parts.js';
export { PushError } from './push-error.js';

/** Publishes events, and queues them while there is no connection. */
export const publisher: Parts['publisher'] = (link, options) => new Publisher(link, options);

/** Connects by SSE where no WebSocket can be opened. */
export const sse: Parts['sse'] = (destination, events) => new SseTransport(destination, events);

/** Shares one connection among tabs. */
export const tabs: Parts['tabs'] = (name, connectTo, listener) =>
  canShare() ? new SharedLink(name, connectTo, listener) : undefined;

/** Keeps positions in the option `storage`. */
export const positions: Parts['positions'] = (storage, key) => new StoredPositions(storage, key);
