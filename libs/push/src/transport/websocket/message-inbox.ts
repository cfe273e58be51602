import type { MessageMappingProperties } from '@nestjs/websockets';
import { lastValueFrom, type Observable } from 'rxjs';
import type { RawData, WebSocket } from 'ws';
import { longestTimer } from '../../contracts/option-checks.js';
import { logRefusal } from '../../bus/debug-log.js';
import { assertHarmless } from '../../access/json-shape.js';
import { workOfMessage } from '../../access/work.js';
import type { Client } from '../../clients/client.js';
import type { Door } from '../../clients/door.js';
import { PushError } from '../../contracts/errors.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import type { SocketOutlet } from './socket-outlet.js';

/** How many messages of one client may wait for earlier ones. With more, its socket is paused. */
const maxWaiting = 32;

/** When more bytes than this wait to be sent to a client, its socket is paused. */
const maxPendingBytes = 256 * 1024;

/** How long a flooding client has to read our close frame, in milliseconds. Its own close frame is not read. */
const timeToReadClose = 1_000;

interface Incoming {
  readonly event: string;
  readonly data: object;
}

/** Keyed by the socket that Nest passes to gateways. */
const inboxes = new WeakMap<object, MessageInbox>();

/**
 * Parses the messages of one client, handles them one after the other, and answers each. Nest's own adapter drops messages that
 * it cannot parse, and handles a client's messages in any order.
 *
 * Messages that arrive before the connection closes are handled even afterwards: a page that is closing sends its last events,
 * and closes its connection at once.
 */
export class MessageInbox {
  /** While this is pending the client is not admitted yet, and its messages wait. */
  opening: Promise<void> | undefined;
  /** The data of the message that is being handled, as parsed. */
  message: object = {};
  private handlers: ReadonlyMap<string, MessageMappingProperties> = new Map();
  private transform!: (result: unknown) => Observable<unknown>;
  private readonly waiting: RawData[] = [];
  /** No further message is handled: the client was refused, or its time after the connection closed is up. */
  private isRefused = false;
  /** The client sent too many frames, and is no longer read. */
  private isFlooding = false;
  private lingering: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: WebSocket,
    readonly client: Client,
    private readonly outlet: SocketOutlet,
    private readonly door: Door,
  ) {
    inboxes.set(socket, this);
    for (const frame of ['message', 'ping', 'pong']) socket.on(frame, this.count);
    outlet.stream.on('drain', this.resume);
    socket.once('close', () => {
      outlet.stream.off('drain', this.resume);
      if (client.isBusy) this.linger();
    });
  }

  /** The inbox of a WebSocket; `undefined` if the socket is not push's own. */
  static of(socket: object): MessageInbox | undefined {
    return inboxes.get(socket);
  }

  /** Starts reading messages. */
  listen(
    handlers: readonly MessageMappingProperties[],
    transform: (result: unknown) => Observable<unknown>,
  ): void {
    this.handlers = new Map(handlers.map((handler) => [handler.message as string, handler]));
    this.transform = transform;
    this.socket.on('message', (data, isBinary) => this.receive(data, isBinary));
  }

  /** Refuses the client. */
  refuse(error: PushError): void {
    this.isRefused = true;
    this.client.fail(error);
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (this.isFlooding || this.isRefused || this.client.session.hasEnded) return;
    if (isBinary) {
      this.reject('Messages are JSON in text frames; this was a binary frame.');
      return;
    }
    this.waiting.push(data);
    if (this.waiting.length >= maxWaiting) this.socket.pause();
    if (!this.client.isBusy) this.work().catch(() => this.socket.terminate());
  }

  private async work(): Promise<void> {
    const { client } = this;
    client.isBusy = true;
    try {
      await this.opening;
      for (let data = this.waiting.shift(); data !== undefined; data = this.waiting.shift()) {
        if (this.isRefused) continue;
        await this.turn((data as Buffer).length);
        if (this.isRefused) continue;
        const message = this.parse(data);
        if (message) await this.handle(message);
        if (client.isGone) this.linger();
        if (!this.hasRoomForAnswers) this.socket.pause();
        else if (this.waiting.length === 0) this.resume();
      }
    } finally {
      clearTimeout(this.lingering);
      client.becomeIdle();
    }
  }

  /** Waits until the budget allows the next message and it is the client's turn, then charges for a message of `bytes` bytes. */
  private async turn(bytes: number): Promise<void> {
    const { session } = this.client;
    await session.ready();
    await this.door.turn();
    session.budget.spend(workOfMessage(bytes));
  }

  private parse(data: RawData): Incoming | undefined {
    let message: unknown;
    try {
      message = JSON.parse((data as Buffer).toString());
      assertHarmless(message, this.client.session.limits.jsonDepth);
    } catch (error) {
      this.reject(error instanceof PushError ? error.message : 'The message is not JSON.');
      return undefined;
    }
    const { event, data: body = {} } = (message ?? {}) as { event?: unknown; data?: unknown };
    const ref =
      typeof (body as { ref?: unknown } | null)?.ref === 'string' ? (body as { ref: string }).ref : undefined;
    if (typeof event !== 'string' || !this.handlers.has(event)) {
      this.reject(`"event" has to be one of: ${[...this.handlers.keys()].join(', ')}.`, ref);
      return undefined;
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      this.reject(`"data" of ${event} has to be an object.`);
      return undefined;
    }
    return { event, data: body };
  }

  private async handle({ event, data }: Incoming): Promise<void> {
    const { callback } = this.handlers.get(event)!;
    this.message = data;
    try {
      const result: unknown = await lastValueFrom(this.transform(callback(data, event)), {
        defaultValue: undefined,
      });
      if (isMessage(result) && this.outlet.isOpen)
        // Not compressed by `ws`: its compressor knows nothing of the one that clients share.
        this.socket.send(JSON.stringify(result), { compress: false });
    } catch {
      // A filter that rethrows is the application's mistake; the client still gets an answer.
      this.client.send(errorMessage(new PushError('INTERNAL', 'The server failed to handle the message.')));
    }
  }

  private reject(message: string, ref?: string): void {
    const error = new PushError('INVALID_MESSAGE', message);
    logRefusal(error, this.client);
    this.client.send(errorMessage(error, ref?.slice(0, 64)));
  }

  /** The client is gone. Its messages are still handled as long as that makes progress. */
  private linger(): void {
    clearTimeout(this.lingering);
    const { decisionTimeout } = this.client.session.limits;
    this.lingering = setTimeout(
      () => {
        this.isRefused = true;
        this.client.leave();
      },
      Math.min(2 * decisionTimeout, longestTimer),
    ).unref();
  }

  private get hasRoomForAnswers(): boolean {
    return this.client.isGone || this.outlet.stream.writableLength <= maxPendingBytes;
  }

  private readonly resume = (): void => {
    if (this.socket.isPaused && !this.isFlooding) this.socket.resume();
  };

  /** Counts every frame, including those that no handler sees. */
  private readonly count = (): void => {
    if (!this.outlet.isOpen || this.client.session.isWithin('messages')) return;
    this.client.fail(new PushError('LIMIT_EXCEEDED', 'Too many frames. Come back later, and send less.'));
    this.isFlooding = true;
    this.socket.pause();
    setTimeout(() => this.socket.terminate(), timeToReadClose).unref();
  };
}

/**
 * Whether a handler's result is a message. Push's handlers answer through the connection and return nothing. An interceptor may
 * return a message instead, which is sent; an envelope that it puts around every HTTP response is not.
 */
function isMessage(result: unknown): boolean {
  return typeof (result as { event?: unknown } | null | undefined)?.event === 'string';
}
