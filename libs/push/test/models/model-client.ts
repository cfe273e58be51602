import type { LogEvent } from '../../src/contracts/event.js';
import type { ModelNode } from './model-node.js';
import { Session } from './model-session.js';

/** A client that follows the protocol: it keeps the ids it sees, and resumes from them. */
export class Client {
  private connection!: Session;
  private readonly ids = new Set<string>();

  constructor(private readonly node: ModelNode) {
    this.connect();
  }

  get id(): string {
    return this.connection.id;
  }

  subscribe(patterns: string[], start: string, repeat: boolean): void {
    this.connection.subscribe(patterns, start, repeat);
    this.recover();
  }

  unsubscribe(patterns: string[]): void {
    this.connection.unsubscribe(patterns);
    this.recover();
  }

  fill(room: number): void {
    this.connection.room = room;
  }

  drain(room: number): void {
    this.connection.drain(room);
    this.recover();
  }

  heartbeat(): void {
    this.connection.heartbeat();
  }

  /** The line is cut. */
  drop(): void {
    const old = this.connection;
    old.leave();
    this.connect();
    for (const { patterns, start, repeat } of old.resumption((event) => this.isOwn(event))) {
      this.connection.subscribe(patterns, start, repeat);
    }
  }

  /** The server has ended the connection: it comes back. */
  recover(): void {
    if (this.connection.error) this.drop();
  }

  finish(): void {
    this.recover();
    this.connection.finish((event) => this.isOwn(event));
  }

  leave(): void {
    this.connection.leave();
  }

  private connect(): void {
    this.connection = new Session(this.node);
    this.ids.add(this.connection.id);
  }

  private isOwn(event: LogEvent): boolean {
    return event.except !== undefined && this.ids.has(event.except);
  }
}
