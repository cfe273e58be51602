import { createServer, type ServerResponse } from 'node:http';
import { Rooms, topicOf } from '../server/rooms.js';
import type { BenchServer } from '../server/contract.js';

/* node:http by hand: each event is formatted once, and written to each response. */

export async function start(): Promise<BenchServer> {
  const rooms = new Rooms<ServerResponse>();
  const http = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    rooms.join(topicOf(request), response);
    response.on('close', () => rooms.leave(response));
  });
  let id = 0;
  return {
    http,
    publish(event, topic) {
      const block = `id: 9f2c41d07b3e-${++id}\ndata: ${JSON.stringify(event)}\n\n`;
      for (const response of rooms.of(topic)) response.write(block);
    },
  };
}
