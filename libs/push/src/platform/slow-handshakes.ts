import type { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { Server as TlsServer, type TLSSocket } from 'node:tls';

/** A server of node:http, node:https or node:http2. */
export interface AnyServer extends EventEmitter {
  /** Of HTTP/1.1: until when a head has to be complete, in milliseconds. */
  headersTimeout?: number;
  /** How often Node looks for those that are late. Read when the server begins to listen. */
  connectionsCheckingInterval?: number;
}

/**
 * Drops connections that say nothing, or say it too slowly: Node does it for HTTP/1.1 (it answers 408), if it looks often
 * enough; TLS and HTTP/2 are watched until they are agreed on, and until the first stream. Called before the server listens.
 *
 * @param milliseconds for each of these steps
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
  if (server instanceof TlsServer) dropSlowTls(server, milliseconds);
  server.on('session', (session: Http2Session) => {
    const timer = setTimeout(() => session.destroy(), milliseconds).unref();
    session.once('stream', () => clearTimeout(timer));
    session.once('close', () => clearTimeout(timer));
  });
}

/** Node gives a client two minutes, which can only be changed where the server is made. */
function dropSlowTls(server: TlsServer, milliseconds: number): void {
  const timers = new Map<string, NodeJS.Timeout>();
  const forget = (peer: string) => {
    clearTimeout(timers.get(peer));
    timers.delete(peer);
  };
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    const drop = () => {
      timers.delete(peer);
      socket.destroy();
    };
    timers.set(peer, setTimeout(drop, milliseconds).unref());
    socket.once('close', () => forget(peer));
  });
  // Another object than the socket below, of the same two ends.
  server.on('secureConnection', (socket: TLSSocket) => forget(peerOf(socket)));
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
