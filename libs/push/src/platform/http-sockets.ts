import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Server, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer, type TLSSocket } from 'node:tls';
import { Handshakes } from './handshakes.js';
import { HttpServer } from './http-server.js';
import { whenClosed } from './raw-response.js';

/** How long a connection that comes after all clients have left may take to send its request, in milliseconds. */
const grace = 500;

/**
 * The HTTP/1.1 connections of the application's server. When Node closes a server, it ends idle connections. But it waits for
 * ever for connections that browsers have opened in advance, and for incomplete requests; and it waits for the keep-alive timeout
 * if the last request of a connection ends later.
 */
@Injectable()
export class HttpSockets implements OnModuleInit {
  private readonly sockets = new Set<Socket>();
  /** How many requests of each connection are being answered: a client may pipeline several. */
  private readonly busy = new Map<Socket, number>();
  private state: 'open' | 'closing' | 'closed' = 'open';

  constructor(
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(Handshakes) private readonly handshakes: Handshakes,
  ) {}

  /** Begins to follow the connections of the server; a server of HTTP/2 without TLS has none. */
  onModuleInit(): void {
    const server = this.server.node;
    if (server instanceof TlsServer) {
      server.on('secureConnection', (socket: TLSSocket) => {
        // `Http2Sessions` follows HTTP/2.
        if (socket.alpnProtocol !== 'h2') this.add(socket);
      });
    } else if (server instanceof Server) server.on('connection', (socket: Socket) => this.add(socket));
    else return;
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.httpVersionMajor === 1) this.answer(request.socket, response);
    });
  }

  /** From now on, each connection ends with its current answer (RFC 9112, section 9.6). */
  close(): void {
    this.state = 'closing';
  }

  /** Ends idle connections, also those that are opened later. */
  closeIdle(): void {
    this.state = 'closed';
    this.handshakes.close();
    for (const socket of this.sockets) this.dismiss(socket);
  }

  private add(socket: Socket): void {
    this.sockets.add(socket);
    // Node emits it once. `once` would keep its own bookkeeping as long as the connection.
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

  /** Leaves upgraded connections to their new owner: they have no parser any more. */
  private dismiss(socket: Socket): void {
    if (!this.busy.has(socket) && (socket as { parser?: unknown }).parser) socket.destroy();
  }
}
