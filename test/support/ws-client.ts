import { WebSocket, type ClientOptions } from 'ws';
import { afterTest } from './cleanup.js';
import { Watched } from './watched.js';

/** A message of the server. */
export interface Message {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A WebSocket client that keeps every message. */
export class WsClient extends Watched {
  readonly messages: Message[] = [];
  readonly pings: number[] = [];
  /** Set once it is closed. */
  closed: { code: number; reason: string } | undefined;

  constructor(readonly socket: WebSocket) {
    super();
    socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as Message);
      this.changed();
    });
    socket.on('ping', () => {
      this.pings.push(Date.now());
      this.changed();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.over(`The WebSocket was closed with ${code} ${this.closed.reason}`);
    });
  }

  /** The data of all messages with this name. */
  all(event: string): Record<string, unknown>[] {
    return this.messages.filter((message) => message.event === event).map(({ data }) => data);
  }

  /** The data of the events, in order. */
  get data(): unknown[] {
    return this.all('message').map(({ data }) => data);
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Resolves with the data of the first message with this name, from index `from` on. */
  async next(event: string, from = 0): Promise<Record<string, unknown>> {
    await this.until(() => this.all(event).length > from);
    return this.all(event)[from]!;
  }

  /** Subscribes, and waits for the answer. */
  async subscribe(topics: string | string[], from?: string): Promise<Record<string, unknown>> {
    return this.ask('subscribe', { topics: [topics].flat(), from });
  }

  /** Sends a message with a `ref` of its own, and waits for what answers it. */
  async ask(event: string, data: object): Promise<Record<string, unknown>> {
    const ref = `ref-${this.messages.length}-${Math.random()}`;
    const answer = () => this.messages.find(({ data }) => data.ref === ref);
    this.send({ event, data: { ...data, ref } });
    await this.until(() => answer() !== undefined || this.closed !== undefined);
    return { event: answer()?.event, ...answer()?.data };
  }

  async untilData(count: number): Promise<unknown[]> {
    await this.until(() => this.data.length >= count);
    return this.data;
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.closed !== undefined);
    return this.closed!;
  }
}

/** Connects, and waits for the greeting; it is terminated after the test. */
export async function openWs(url: string, options: ClientOptions = {}): Promise<WsClient> {
  const client = connectWs(url, options);
  await client.until(() => client.messages.length > 0 || client.closed !== undefined);
  return client;
}

/** Connects, and does not wait. It takes no compressed messages unless it is told to: their size says how much a slow reader lacks. */
export function connectWs(url: string, options: ClientOptions = {}): WsClient {
  const defaults = { handshakeTimeout: 30_000, perMessageDeflate: false };
  const client = new WsClient(new WebSocket(url, { ...defaults, ...options }));
  afterTest(() => client.socket.terminate());
  return client;
}
