import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { topicOf } from '../server/rooms.js';
import { SharedWrites } from '../server/shared-writes.js';
import type { BenchServer } from '../server/contract.js';

/* The control for WebSocket: the same bytes as nestjs-push, without ids to resume from, back-pressure or a life cycle. */

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export async function start(): Promise<BenchServer> {
  const writes = new SharedWrites((frames) => frames);
  const http = createServer();
  http.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + guid);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
    );
    writes.enter(topicOf(request), socket as Socket);
  });
  let id = 0;
  return {
    http,
    publish(event, topic) {
      const data = { topic: `bench.${topic}`, id: `9f2c41d07b3e-${++id}`, data: event };
      writes.add(topic, frame(JSON.stringify({ event: 'message', data })));
    },
  };
}

/** A text frame of 126 to 65,535 ASCII characters, as a Latin-1 string. */
function frame(text: string): string {
  return `\u0081\u007e${String.fromCharCode(text.length >> 8, text.length & 255)}${text}`;
}
