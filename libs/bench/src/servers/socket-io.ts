import { createServer } from 'node:http';
import { Server } from 'socket.io';
import type { BenchServer } from '../server/contract.js';

/* Socket.IO with rooms; without long polling, and with what its page on performance says of memory. */

export async function start(): Promise<BenchServer> {
  const http = createServer();
  const io = new Server(http, { transports: ['websocket'], serveClient: false, pingInterval: 600_000 });
  io.engine.on('connection', (socket: { request: unknown }) => (socket.request = null));
  io.on('connection', (socket) => void socket.join(String(socket.handshake.auth.topic)));
  return {
    http,
    publish: (event, topic) => io.to(String(topic)).emit('message', event),
  };
}
