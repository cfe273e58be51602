import type { PositionStorage } from './connect.options.js';
import type { ConnectTo, Link, LinkListener } from './link.js';
import type { Publisher, QueueOptions } from './publisher.js';
import type { Subscriptions } from './subscriptions.js';
import type { OpenTransport } from './transports/transport.js';

/** Optional parts of a client, which can read from a WebSocket without them. A bundle contains only the parts that it uses. */
export interface Parts {
  /** Publishes. */
  readonly publisher?: (link: Pick<Link, 'send'>, options: QueueOptions | undefined) => Publisher;
  /** Connects where no WebSocket can be opened. */
  readonly sse?: OpenTransport;
  /** Shares the connection among tabs. */
  readonly tabs?: ShareLink;
  /** Keeps positions in the option `storage`. */
  readonly positions?: (storage: PositionStorage, key: string) => Positions;
}

/** The positions that a page had when it was left. */
export interface Positions {
  /** Where to resume `pattern`. */
  take(pattern: string): string | undefined;
  save(subscriptions: Subscriptions): void;
}

/** Creates a tab's link to the shared connection; `undefined` where tabs cannot share one. */
export type ShareLink = (name: string, connectTo: ConnectTo, listener: LinkListener) => Link | undefined;
