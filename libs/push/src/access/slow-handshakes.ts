import type { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';

/** A server of node:http, node:https or node:http2. */
export interface AnyServer extends EventEmitter {
  /** Of HTTP/1.1: until when a head has to be complete, in milliseconds. */
  headersTimeout?: number;
  /** How often Node looks for those that are late. Read when the server begins to listen. */
  connectionsCheckingInterval?: number;
}

/**
 * Drops connections that say nothing, or say it too slowly: Node does it for HTTP/1.1 (it answers 408), if it looks often
 * enough; HTTP/2 sessions are watched until their first stream. Called before the server listens.
 *
 * @param milliseconds from the connection to the end of the first head
 */
export function dropSlowHandshakes(server: AnyServer, milliseconds: number): void {
  if (milliseconds === Infinity) return;
  if (server.headersTimeout !== undefined) {
    server.headersTimeout = Math.min(server.headersTimeout || Infinity, milliseconds);
    server.connectionsCheckingInterval = Math.min(
      server.connectionsCheckingInterval ?? Infinity,
      Math.ceil(milliseconds / 4),
    );
  }
  server.on('session', (session: Http2Session) => {
    const timer = setTimeout(() => session.destroy(), milliseconds).unref();
    session.once('stream', () => clearTimeout(timer));
    session.once('close', () => clearTimeout(timer));
  });
}
