import type { AbstractHttpAdapter } from '@nestjs/core';
import { PushError } from '../../contracts/errors.js';

/**
 * Express cannot answer HTTP/2 requests: its request and response are subclasses of HTTP/1.1's, and the first request
 * would end the process. Better told at start.
 *
 * @throws PushError `WRONG_ADAPTER` for an Express application on a server of `node:http2`
 */
export function assertHttp2Adapter(adapter: AbstractHttpAdapter | undefined): void {
  if (adapter?.getType() !== 'express') return;
  const server: unknown = adapter.getHttpServer();
  // Only servers of node:http2 can change their SETTINGS.
  if (typeof server !== 'object' || server === null || !('updateSettings' in server)) return;
  throw new PushError(
    'WRONG_ADAPTER',
    'Express does not work over HTTP/2: the first request would crash it. Create the application with' +
      ' new FastifyAdapter({ http2: true, https: { key, cert, allowHTTP1: true } }) of @nestjs/platform-fastify,' +
      ' or let a proxy speak HTTP/2 and keep Express on HTTP/1.1.',
  );
}
