import type { Socket } from 'node:net';
import { Rooms } from './rooms.js';

/**
 * What was published to a topic in one turn of the event loop, as one buffer that is written once to each of its bare
 * sockets: the most that a Node server can do.
 */
export class SharedWrites {
  private readonly rooms = new Rooms<Socket>();
  private pending = new Map<number, string>();

  /** @param join makes one write of what a turn has brought, in Latin-1 */
  constructor(private readonly join: (text: string) => string) {}

  enter(topic: number, socket: Socket): void {
    this.rooms.join(topic, socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.rooms.leave(socket));
  }

  add(topic: number, text: string): void {
    if (this.pending.size === 0) setImmediate(() => this.flush());
    this.pending.set(topic, (this.pending.get(topic) ?? '') + text);
  }

  private flush(): void {
    for (const [topic, text] of this.pending) {
      const bytes = Buffer.from(this.join(text), 'latin1');
      for (const socket of this.rooms.of(topic)) socket.write(bytes);
    }
    this.pending = new Map();
  }
}
