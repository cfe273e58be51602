import { io, type Socket } from 'socket.io-client';
import type { Line } from './line.js';

export function connectAs(url: string, token: string): Socket {
  return io(url, { auth: { token } });
}

export function joinRoom(socket: Socket, room: string, show: (line: Line) => void, joined: () => void): void {
  socket.on('line', show);
  // Rooms are forgotten with the connection.
  const join = () => socket.emit('join', room, joined);
  if (socket.connected) join();
  socket.on('connect', join);
}

export async function say(socket: Socket, room: string, text: string): Promise<void> {
  await socket.emitWithAck('say', { room, text });
}
