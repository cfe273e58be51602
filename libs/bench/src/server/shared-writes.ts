import type { Duplex } from 'node:stream';
import { Rooms } from './rooms.js';

/**
 * What was published to a topic in one turn of the event loop, as one buffer that is written once to each of its bare
 * sockets: the most that a Node server can do.
 */
export class SharedWrites {
  private readonly rooms = new Rooms<Duplex>();
  private pending = new Map<number, string>();

  /**
   * @param join makes one write of what a turn has brought, in Latin-1
   * @param moment calls its argument when everything is written. Default: at the end of the turn
   */
  constructor(
    private readonly join: (text: string) => string,
    private readonly moment: (flush: () => void) => unknown = setImmediate,
  ) {}

  enter(topic: number, socket: Duplex): void {
    this.rooms.join(topic, socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.rooms.leave(socket));
  }

  add(topic: number, text: string): void {
    if (this.pending.size === 0) this.moment(() => this.flush());
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
