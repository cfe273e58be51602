import type { AbstractHttpAdapter } from '@nestjs/core';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import { PushError } from '../contracts/errors.js';

/** The application's server, if it is one of `node:http2`. */
export function http2ServerOf(
  adapter: AbstractHttpAdapter | undefined,
): Http2Server | Http2SecureServer | undefined {
  // An application context has no adapter, and an adapter of the application's own may have no server of Node's.
  const server: unknown = (adapter as { getHttpServer?(): unknown } | undefined)?.getHttpServer?.();
  // Only servers of node:http2 can change their SETTINGS.
  const isHttp2 = typeof server === 'object' && server !== null && 'updateSettings' in server;
  return isHttp2 ? (server as Http2Server) : undefined;
}

/**
 * Express cannot answer HTTP/2 requests: its request and response are subclasses of HTTP/1.1's, and the first request
 * would end the process. Better told at start.
 *
 * @throws PushError `WRONG_ADAPTER` for an Express application on a server of `node:http2`
 */
export function assertHttp2Adapter(adapter: AbstractHttpAdapter | undefined): void {
  if (adapter?.getType() !== 'express' || !http2ServerOf(adapter)) return;
  throw new PushError(
    'WRONG_ADAPTER',
    'Express does not work over HTTP/2: the first request would crash it. Create the application with' +
      ' new FastifyAdapter({ http2: true, https: { key, cert, allowHTTP1: true } }) of @nestjs/platform-fastify,' +
      ' or let a proxy speak HTTP/2 and keep Express on HTTP/1.1.',
  );
}
