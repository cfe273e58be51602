import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import {
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2SecureServer,
  type Http2Server,
} from 'node:http2';
import type { Socket } from 'node:net';
import { pushSettings } from '../contracts/settings.js';
import { HttpServer } from './http-server.js';
import { UpgradeStream } from './upgrade-stream.js';

/**
 * WebSocket over HTTP/2 (RFC 8441): offers it in the server's SETTINGS, and emits every such stream as an `upgrade` of the
 * server. So the gateway, its authentication and its refusals are the same as over HTTP/1.1, and so are other upgrade listeners.
 * A browser that has an HTTP/2 connection to a server which offers this opens all its WebSockets there.
 */
@Injectable()
export class ExtendedConnect implements OnModuleInit {
  private readonly isOffered: boolean;

  constructor(
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(pushSettings) { websocket }: { readonly websocket: { readonly extendedConnect: boolean } },
  ) {
    this.isOffered = websocket.extendedConnect;
  }

  onModuleInit(): void {
    const server = this.isOffered ? this.server.http2 : undefined;
    if (!server) return;
    server.updateSettings({ enableConnectProtocol: true });
    // Node's types have this event for HTTP/1.1 only, which the server may speak as well.
    const events: EventEmitter = server;
    events.on(
      'connect',
      (request: Http2ServerRequest | IncomingMessage, answer: Http2ServerResponse | Socket) => {
        if (isWebSocket(request)) upgrade(server, request);
        else if (server.listenerCount('connect') === 1) refuse(request, answer);
      },
    );
  }
}

function isWebSocket(request: Http2ServerRequest | IncomingMessage): request is Http2ServerRequest {
  return request instanceof Http2ServerRequest && request.headers[':protocol'] === 'websocket';
}

/** Refuses as Node does without a listener; with 501 for an unknown protocol, as in RFC 9220, section 3. */
function refuse(request: Http2ServerRequest | IncomingMessage, answer: Http2ServerResponse | Socket): void {
  if (!(answer instanceof Http2ServerResponse)) answer.destroy();
  else if (!answer.stream.destroyed && !answer.stream.closed)
    answer.writeHead(request.headers[':protocol'] === undefined ? 405 : 501).end();
}

function upgrade(server: Http2Server | Http2SecureServer, request: Http2ServerRequest): void {
  const socket = UpgradeStream.of(request.stream);
  if (!socket) return;
  const isServed = server.emit('upgrade', upgradeRequest(request, socket), socket, Buffer.alloc(0));
  if (!isServed) socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
}

/** The HTTP/1.1 request for the same upgrade. */
function upgradeRequest(
  { headers, url, httpVersion }: Http2ServerRequest,
  socket: UpgradeStream,
): IncomingMessage {
  const request = new IncomingMessage(socket as unknown as Socket);
  const { ':authority': authority, ...others } = headers;
  request.method = 'GET';
  request.url = url;
  request.httpVersion = httpVersion;
  request.httpVersionMajor = 2;
  request.httpVersionMinor = 0;
  request.headers = {
    ...Object.fromEntries(Object.entries(others).filter(([name]) => !name.startsWith(':'))),
    host: authority ?? headers.host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    // HTTP/2 has no such header; upgrade listeners require it.
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  request.rawHeaders = Object.entries(request.headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((each) => [name, each]),
  );
  request.push(null);
  return request;
}
