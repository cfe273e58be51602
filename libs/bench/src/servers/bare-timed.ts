import type { BenchServer, ServerOptions } from '../server/contract.js';
import { bareNode } from './bare-node.js';

/* `bare-node`, whose sessions of HTTP/2 end when they are idle: the promise of Fastify (`http2SessionTimeout`), with its default. */

export function start(options: ServerOptions): Promise<BenchServer> {
  return bareNode(options, 72_000);
}
