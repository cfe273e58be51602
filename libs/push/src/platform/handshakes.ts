import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { Server as TlsServer, type TLSSocket } from 'node:tls';
import { pushSettings } from '../contracts/settings.js';
import { HttpServer, type NodeServer } from './http-server.js';

/** How long a handshake that begins during a shutdown may take, in milliseconds. */
const grace = 500;

/** A TLS handshake in progress. */
interface Handshake {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
}

/**
 * The handshakes in progress on the application's server. A connection that says nothing, or says it too slowly, is
 * dropped. Node does that for HTTP/1.1 (it answers 408) if it looks often enough; a TLS connection is followed until its
 * handshake is complete, and an HTTP/2 session until its first stream.
 */
@Injectable()
export class Handshakes implements OnModuleInit {
  /** By the address and port of the client: Node's TLS socket is another object than the TCP socket below it. */
  private readonly pending = new Map<string, Handshake>();
  /** How long each step may take, in milliseconds. */
  private readonly limit: number;
  private isClosed = false;

  constructor(
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(pushSettings) { limits }: { readonly limits: { readonly handshakeTimeout: number } },
  ) {
    this.limit = limits.handshakeTimeout;
  }

  /** Called before the server listens. */
  onModuleInit(): void {
    const server = this.server.node;
    if (!server) return;
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => this.begin(socket));
      server.on('secureConnection', (socket: TLSSocket) => this.forget(peerOf(socket)));
    }
    boundHead(server, this.limit);
    server.on('session', (session: Http2Session) => {
      const timer = setTimeout(() => session.destroy(), this.limit).unref();
      session.once('stream', () => clearTimeout(timer));
      session.once('close', () => clearTimeout(timer));
    });
  }

  /** Ends all handshakes; those that begin later have half a second. */
  close(): void {
    this.isClosed = true;
    for (const { socket } of this.pending.values()) socket.destroy();
  }

  private begin(socket: Socket): void {
    const peer = peerOf(socket);
    // On a Unix socket clients have no address: there Node's own timeout of two minutes holds.
    if (peer === undefined) return;
    const limit = this.isClosed ? Math.min(grace, this.limit) : this.limit;
    const timer = setTimeout(() => socket.destroy(), limit).unref();
    this.pending.set(peer, { socket, timer });
    socket.once('close', () => {
      if (this.pending.get(peer)?.socket === socket) this.forget(peer);
    });
  }

  private forget(peer: string | undefined): void {
    if (peer === undefined) return;
    clearTimeout(this.pending.get(peer)?.timer);
    this.pending.delete(peer);
  }
}

/** Has Node drop HTTP/1.1 connections whose first head is late. */
function boundHead(server: NodeServer, limit: number): void {
  if (server.headersTimeout === undefined) return;
  server.headersTimeout = Math.min(server.headersTimeout || Infinity, limit);
  server.connectionsCheckingInterval = Math.min(
    server.connectionsCheckingInterval ?? Infinity,
    Math.ceil(limit / 4),
  );
}

function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
