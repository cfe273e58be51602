import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Message } from './ws-client.js';

/** A user in a room, with one client, as nestjs-push-client is one: it comes back by itself, with its identity. */
export class Visitor {
  /** Whether the server has said that it reads its room. */
  isThere = false;
  /** The longest time for which it was away between two connections, in milliseconds. */
  longestAbsence = 0;
  hasMoved = false;
  private socket: WebSocket | undefined;
  private token: string | undefined;
  private leftAt: number | undefined;
  private hasEnded = false;

  /** @param route finds the port of a node, if there is any */
  constructor(
    readonly name: string,
    public room: string,
    private readonly route: () => number | undefined,
  ) {
    void this.stay();
  }

  /** Whether it wants to be there. */
  get isStaying(): boolean {
    return !this.hasEnded;
  }

  /** Its connection breaks, and it comes back at once. */
  reload(): void {
    this.socket?.terminate();
  }

  leave(): void {
    this.hasEnded = true;
    this.socket?.close();
  }

  /** It is gone without a word: nothing is read, answered or closed any more. */
  vanish(): void {
    this.hasEnded = true;
    this.socket?.pause();
  }

  end(): void {
    this.hasEnded = true;
    this.socket?.terminate();
  }

  /** It goes to another room. */
  move(room: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.say('unsubscribe', { topics: [this.room] });
      this.say('subscribe', { topics: [room] });
    }
    this.room = room;
    this.hasMoved = true;
  }

  private async stay(): Promise<void> {
    while (!this.hasEnded) {
      const port = this.route();
      if (port !== undefined) await this.visit(port);
      await delay(20 + Math.random() * 50);
    }
  }

  private visit(port: number): Promise<void> {
    return new Promise((resolve) => {
      const query = this.token === undefined ? '' : `?client=${this.token}`;
      const headers = { Authorization: `Bearer ${this.name}` };
      const socket = new WebSocket(`ws://127.0.0.1:${port}/push${query}`, { headers });
      this.socket = socket;
      socket.on('error', () => undefined);
      // It may have vanished while it connected.
      socket.on('open', () => this.hasEnded && socket.pause());
      socket.on('close', () => {
        if (this.isThere) this.leftAt = performance.now();
        this.isThere = false;
        resolve();
      });
      socket.on('message', (bytes: Buffer) => {
        const { event, data } = JSON.parse(bytes.toString()) as Message;
        if (event === 'hello') {
          this.token = data.client as string;
          this.say('subscribe', { topics: [this.room] });
        } else if (event === 'subscribed') this.arrived();
        else if (event === 'error') throw new Error(`${this.name} is refused: ${data.message as string}`);
      });
    });
  }

  private arrived(): void {
    this.isThere = true;
    if (this.leftAt !== undefined)
      this.longestAbsence = Math.max(this.longestAbsence, performance.now() - this.leftAt);
    this.leftAt = undefined;
  }

  private say(event: string, data: object): void {
    this.socket!.send(JSON.stringify({ event, data }));
  }
}
