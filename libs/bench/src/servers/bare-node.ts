import type { IncomingMessage, ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { certificate } from '../server/certificate.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';
import { topicOf } from '../server/rooms.js';
import { SharedWrites } from '../server/shared-writes.js';

/*
 * The control for encrypted connections and HTTP/2: node:https or node:http2, and one shared buffer for what is published in one
 * go, without ids to resume from, back-pressure or a life cycle.
 */

const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

export function start(options: ServerOptions): Promise<BenchServer> {
  return bareNode(options);
}

/** @param sessionTimeout closes a session of HTTP/2 that is idle for so many milliseconds. Default: none is closed */
export async function bareNode({ carrier }: ServerOptions, sessionTimeout?: number): Promise<BenchServer> {
  const { http, writes } =
    carrier === 'https' ? await overTls() : await overHttp2(carrier === 'h2', sessionTimeout);
  let id = 0;
  return {
    http,
    publish: (event, topic) =>
      writes.add(topic, `id: 9f2c41d07b3e-${++id}\ndata: ${JSON.stringify(event)}\n\n`),
  };
}

async function overTls() {
  const writes = new SharedWrites((text) => `${text.length.toString(16)}\r\n${text}\r\n`, queueMicrotask);
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, headers);
    response.flushHeaders();
    writes.enter(topicOf(request), response.socket!);
  };
  return { http: createHttpsServer(await certificate(), answer), writes };
}

async function overHttp2(isSecure: boolean, sessionTimeout: number | undefined) {
  const writes = new SharedWrites((text) => text, queueMicrotask);
  const http = isSecure ? http2.createSecureServer(await certificate()) : http2.createServer();
  if (sessionTimeout !== undefined)
    http.on('session', (session) => session.setTimeout(sessionTimeout, () => session.close()));
  http.on('stream', (stream, { ':path': url }) => {
    stream.respond(headers);
    writes.enter(topicOf({ url }), stream);
  });
  return { http, writes };
}
