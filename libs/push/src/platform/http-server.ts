import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import type { EventEmitter } from 'node:events';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import { PushError } from '../contracts/errors.js';

/** A server of node:http, node:https or node:http2. */
export interface NodeServer extends EventEmitter {
  /** HTTP/1.1 only: until when the head of a request has to be complete, in milliseconds. */
  headersTimeout?: number;
  /** HTTP/1.1 only: how often Node looks for heads that are late. Read when the server begins to listen. */
  connectionsCheckingInterval?: number;
}

/** The application's HTTP server. It is known once the application's modules are being initialized, and listens later. */
@Injectable()
export class HttpServer implements OnModuleInit {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  /** `undefined` in an application context, which has no adapter, and for an adapter that has no server of Node's. */
  get node(): NodeServer | undefined {
    const adapter = this.adapter as { getHttpServer?(): NodeServer | null } | undefined;
    return adapter?.getHttpServer?.() ?? undefined;
  }

  /** The server, if it is one of node:http2: only those can change their SETTINGS. */
  get http2(): Http2Server | Http2SecureServer | undefined {
    const server: object | undefined = this.node;
    return server && 'updateSettings' in server ? (server as Http2Server) : undefined;
  }

  /** Whether Express handles the requests. */
  get isExpress(): boolean {
    return this.adapter?.getType() === 'express';
  }

  /**
   * Express cannot answer HTTP/2 requests: its request and response are subclasses of HTTP/1.1's, and the first request
   * would end the process.
   *
   * @throws PushError `WRONG_ADAPTER` for an Express application on a server of node:http2
   */
  onModuleInit(): void {
    if (!this.isExpress || !this.http2) return;
    throw new PushError(
      'WRONG_ADAPTER',
      'Express does not work over HTTP/2: the first request would crash it. Create the application with' +
        ' new FastifyAdapter({ http2: true, https: { key, cert, allowHTTP1: true } }) of @nestjs/platform-fastify,' +
        ' or let a proxy speak HTTP/2 and keep Express on HTTP/1.1.',
    );
  }

  private get adapter(): AbstractHttpAdapter | undefined {
    return this.host.httpAdapter as AbstractHttpAdapter | undefined;
  }
}
