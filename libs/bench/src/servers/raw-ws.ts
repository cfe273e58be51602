import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { Rooms, topicOf } from '../server/rooms.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';

/* ws by hand, as its documentation broadcasts; the message is that of nestjs-push. */

export async function start({ compression = false }: ServerOptions): Promise<BenchServer> {
  const http = createServer();
  const rooms = new Rooms<WebSocket>();
  new WebSocketServer({ server: http, perMessageDeflate: compression }).on(
    'connection',
    (client, request) => {
      const topic = topicOf(request);
      rooms.join(topic, client);
      client.on('error', () => client.terminate());
      client.on('close', () => rooms.leave(client));
    },
  );
  let id = 0;
  return {
    http,
    publish(event, topic) {
      const data = { topic: `bench.${topic}`, id: `9f2c41d07b3e-${++id}`, data: event };
      const message = JSON.stringify({ event: 'message', data });
      for (const client of rooms.of(topic)) if (client.readyState === WebSocket.OPEN) client.send(message);
    },
  };
}
