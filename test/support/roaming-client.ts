import { request, type ClientRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Watched } from './watched.js';

/** An event, or a gap notice in its place among them. */
export interface Item {
  readonly id: string;
  readonly topic?: string;
  /** Publisher and number. */
  readonly data?: readonly [string, number];
  /** Why something is missing before the position `id`. */
  readonly gap?: string;
}

/** Finds the port of a node that a client may try. */
export type Route = () => number | undefined;

/**
 * A client as PROTOCOL.md wants it: it reads a pattern over one transport, and whenever its connection ends, goes to
 * another node and resumes there.
 */
export class RoamingClient extends Watched {
  readonly items: Item[] = [];
  /** Where it resumes. */
  position: string | undefined;
  /** How often it had to connect. */
  connections = 0;
  /** Where it connected, and from which position. */
  private readonly path: string[] = [];
  private ended = false;
  private drop: () => void = () => undefined;

  constructor(
    readonly transport: 'websocket' | 'sse',
    readonly pattern: string,
    private readonly route: Route,
  ) {
    super();
    void this.roam();
  }

  /** Loses its connection, as over a bad network. */
  cut(): void {
    this.drop();
  }

  end(): void {
    this.ended = true;
    this.drop();
  }

  /** For people: how far it is. */
  describe(): string {
    const { transport, pattern, connections, items, path } = this;
    return `${transport} ${pattern}, ${path.join(' ')}, ${connections} connections, ${items.length} items, the last ${JSON.stringify(items.at(-1))}`;
  }

  private async roam(): Promise<void> {
    while (!this.ended) {
      const port = this.route();
      if (port !== undefined) {
        this.connections++;
        this.path.push(`${port} from ${this.position}`);
        await (this.transport === 'sse' ? this.readStream(port) : this.readSocket(port));
      }
      await delay(20 + Math.random() * 100);
    }
  }

  private readStream(port: number): Promise<void> {
    return new Promise((resolve) => {
      const headers = this.position === undefined ? {} : { 'last-event-id': this.position };
      const path = `/push/events?topic=${encodeURIComponent(this.pattern)}&from=earliest`;
      const outgoing: ClientRequest = request({ port, host: '127.0.0.1', path, headers, agent: false });
      this.drop = () => outgoing.destroy();
      outgoing.on('error', () => resolve());
      outgoing.on('close', () => resolve());
      outgoing.on('response', (response) => {
        let rest = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          const blocks = (rest + text).split('\n\n');
          rest = blocks.pop()!;
          blocks.forEach((block) => this.takeBlock(block));
        });
        response.on('error', () => undefined);
      });
      outgoing.end();
    });
  }

  private takeBlock(block: string): void {
    const fields = new Map(
      block.split('\n').map((line): [string, string] => {
        const colon = line.indexOf(': ');
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
    );
    const id = fields.get('id');
    const data = fields.get('data');
    if (data !== undefined && id !== undefined && !fields.has('retry')) {
      const value = JSON.parse(data) as { topic: string; data: [string, number]; reason: string };
      if (fields.get('event') === 'push.gap') this.take({ id, gap: value.reason });
      else this.take({ id, topic: value.topic, data: value.data });
    }
    if (id !== undefined) this.position = id;
  }

  private readSocket(port: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/push`, { handshakeTimeout: 5_000 });
      this.drop = () => socket.terminate();
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
      socket.on('message', (bytes: Buffer) => {
        const { event, data } = JSON.parse(bytes.toString()) as { event: string; data: SocketData };
        if (event === 'hello') {
          const subscribe = { topics: [this.pattern], from: this.position ?? 'earliest' };
          socket.send(JSON.stringify({ event: 'subscribe', data: subscribe }));
        } else this.takeMessage(event, data);
      });
    });
  }

  private takeMessage(event: string, { id, topic, data, reason, message }: SocketData): void {
    if (event === 'error') throw new Error(`The node refuses: ${message}`);
    if (event === 'message') this.take({ id, topic, data });
    else if (event === 'gap') this.take({ id, gap: reason });
    if (event !== 'subscribed' && id !== undefined) this.position = id;
  }

  private take(item: Item): void {
    this.items.push(item);
    this.changed();
  }
}

interface SocketData {
  readonly id: string;
  readonly topic: string;
  readonly data: [string, number];
  readonly reason: string;
  readonly message: string;
}
