import { createServer } from 'node:http';
import { topicOf } from '../server/rooms.js';
import { SharedWrites } from '../server/shared-writes.js';
import type { BenchServer } from '../server/contract.js';

/* The control for SSE: the same bytes as nestjs-push, without ids to resume from, back-pressure or a life cycle. */

export async function start(): Promise<BenchServer> {
  const writes = new SharedWrites((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
  const http = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    writes.enter(topicOf(request), response.socket!);
  });
  let id = 0;
  return {
    http,
    publish: (event, topic) =>
      writes.add(topic, `id: 9f2c41d07b3e-${++id}\ndata: ${JSON.stringify(event)}\n\n`),
  };
}
