import type { EventEmitter } from 'node:events';
import { Server, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer, type TLSSocket } from 'node:tls';
import { whenClosed } from './raw-response.js';

/** How long a connection that comes when everyone has left may take to send its request, in milliseconds. */
const grace = 500;

/**
 * The HTTP/1.1 connections of the application's server. Node ends idle ones when it closes, but waits, for ever, for those
 * that browsers open ahead of need and for requests that never become whole, and a keep-alive timeout long for those
 * whose last request ends later.
 */
export class HttpSockets {
  private readonly sockets = new Set<Socket>();
  /** Connections whose TLS handshake is under way, by who they come from. */
  private readonly handshakes = new Map<string, Socket>();
  /** How many requests of each have no answer yet: a client may send several at a time. */
  private readonly busy = new Map<Socket, number>();
  private state: 'open' | 'closing' | 'closed' = 'open';

  /** Begins to follow the connections of `server`; HTTP/2 without TLS has none. */
  watch(server: EventEmitter): void {
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => this.shake(socket));
      server.on('secureConnection', (socket: TLSSocket) => {
        this.handshakes.delete(peer(socket));
        // An HTTP/2 session, and its end, is looked after as one.
        if (socket.alpnProtocol !== 'h2') this.add(socket);
      });
    } else if (server instanceof Server) server.on('connection', (socket: Socket) => this.add(socket));
    else return;
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.httpVersionMajor === 1) this.answer(request.socket, response);
    });
  }

  /** From now on each connection ends with the answer that is on its way (RFC 9112, section 9.6). */
  close(): void {
    this.state = 'closing';
  }

  /** Ends those on which nothing is being answered, now and when they come. */
  closeIdle(): void {
    this.state = 'closed';
    for (const socket of this.handshakes.values()) socket.destroy();
    for (const socket of this.sockets) this.dismiss(socket);
  }

  private shake(socket: Socket): void {
    const key = peer(socket);
    this.handshakes.set(key, socket);
    socket.once('close', () => this.handshakes.get(key) === socket && this.handshakes.delete(key));
    if (this.state === 'closed') setTimeout(() => this.handshakes.get(key)?.destroy(), grace).unref();
  }

  private add(socket: Socket): void {
    this.sockets.add(socket);
    // Node says it once. The bookkeeping of `once` would be held as long as the connection.
    socket.on('close', () => this.sockets.delete(socket));
    if (this.state === 'closed') setTimeout(() => this.dismiss(socket), grace).unref();
  }

  private answer(socket: Socket, response: ServerResponse): void {
    this.busy.set(socket, (this.busy.get(socket) ?? 0) + 1);
    if (this.state !== 'open') response.setHeader('Connection', 'close');
    whenClosed(response, () => this.answered(socket));
  }

  private answered(socket: Socket): void {
    const left = this.busy.get(socket)! - 1;
    if (left > 0) {
      this.busy.set(socket, left);
      return;
    }
    this.busy.delete(socket);
    if (this.state !== 'open') socket.end();
  }

  /** An upgraded connection has no parser any more: it is its new owner's to end. */
  private dismiss(socket: Socket): void {
    if (!this.busy.has(socket) && (socket as { parser?: unknown }).parser) socket.destroy();
  }
}

function peer({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
