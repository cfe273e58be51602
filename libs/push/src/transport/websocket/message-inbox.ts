import type { MessageMappingProperties } from '@nestjs/websockets';
import { lastValueFrom, type Observable } from 'rxjs';
import type { RawData, WebSocket } from 'ws';
import { longestTimer } from '../../contracts/option-checks.js';
import { assertHarmless } from '../../access/json-shape.js';
import { workOfMessage } from '../../access/work.js';
import type { Client } from '../../clients/client.js';
import type { Door } from '../../clients/door.js';
import { PushError } from '../../contracts/errors.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import type { SocketOutlet } from './socket-outlet.js';

/** How many messages of one client may wait for the ones before; beyond that its socket is not read. */
const maxWaiting = 32;

/** While so many bytes of answers wait for a client, nothing more is read from it. */
const maxPendingBytes = 256 * 1024;

/** How long a client that floods has to read our close frame, in milliseconds. Its own is not read any more. */
const timeToReadClose = 1_000;

interface Incoming {
  readonly event: string;
  readonly data: object;
}

/** By the socket that Nest hands to gateways. */
const inboxes = new WeakMap<object, MessageInbox>();

/**
 * The messages of one client: parsed, handled one after the other, each answered. Nest's own adapter drops what it cannot
 * read, and handles a client's messages in any order.
 *
 * What a client says before it leaves, or before it is sent away, is handled like the rest, whatever has to be waited for: a
 * page that is being closed sends its last words, and closes its connection at once.
 */
export class MessageInbox {
  /** While set, the client is not let in yet: its messages wait. */
  opening: Promise<void> | undefined;
  /** What the message that is being handled says, as it was parsed. */
  message: object = {};
  private handlers: ReadonlyMap<string, MessageMappingProperties> = new Map();
  private transform!: (result: unknown) => Observable<unknown>;
  private readonly waiting: RawData[] = [];
  /** Nothing that the client says is handled: it was not let in, or is waited for no longer. */
  private isRefused = false;
  /** Nothing more is read from a client that floods. */
  private isShut = false;
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

  /** The inbox of a WebSocket; `undefined` for those that are not push's own. */
  static of(socket: object): MessageInbox | undefined {
    return inboxes.get(socket);
  }

  /** Begins to read the messages. */
  listen(
    handlers: readonly MessageMappingProperties[],
    transform: (result: unknown) => Observable<unknown>,
  ): void {
    this.handlers = new Map(handlers.map((handler) => [handler.message as string, handler]));
    this.transform = transform;
    this.socket.on('message', (data, isBinary) => this.receive(data, isBinary));
  }

  /** The client is not let in. */
  refuse(error: PushError): void {
    this.isRefused = true;
    this.client.fail(error);
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (this.isShut || this.isRefused || this.client.session.hasEnded) return;
    if (isBinary) {
      this.complain('Messages are JSON in text frames; this was a binary frame.');
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
      client.rest();
    }
  }

  /** Waits until a message of so many bytes may be handled: what was done before is paid for, and it is its turn. */
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
      this.complain(error instanceof PushError ? error.message : 'The message is not JSON.');
      return undefined;
    }
    const { event, data: body = {} } = (message ?? {}) as { event?: unknown; data?: unknown };
    const ref =
      typeof (body as { ref?: unknown } | null)?.ref === 'string' ? (body as { ref: string }).ref : undefined;
    if (typeof event !== 'string' || !this.handlers.has(event)) {
      this.complain(`"event" has to be one of: ${[...this.handlers.keys()].join(', ')}.`, ref);
      return undefined;
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      this.complain(`"data" of ${event} has to be an object.`);
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
      if (isMessage(result) && this.outlet.isOpen) this.socket.send(JSON.stringify(result));
    } catch {
      // A filter that rethrows is the application's mistake; the client still gets an answer.
      this.client.send(errorMessage(new PushError('INTERNAL', 'The server failed to handle the message.')));
    }
  }

  private complain(message: string, ref?: string): void {
    this.client.send(errorMessage(new PushError('INVALID_MESSAGE', message), ref?.slice(0, 64)));
  }

  /** The client is gone, and what it has said is handled as long as that makes progress. */
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
    if (this.socket.isPaused && !this.isShut) this.socket.resume();
  };

  /** Every frame counts, also those that no handler sees. */
  private readonly count = (): void => {
    if (!this.outlet.isOpen || this.client.session.isWithin('messages')) return;
    this.client.fail(new PushError('LIMIT_EXCEEDED', 'Too many frames. Come back later, and send less.'));
    this.isShut = true;
    this.socket.pause();
    setTimeout(() => this.socket.terminate(), timeToReadClose).unref();
  };
}

/**
 * Handlers answer through the connection and return nothing. What an interceptor makes of that is sent if it is a message;
 * the envelope that one puts around every HTTP answer is none.
 */
function isMessage(result: unknown): boolean {
  return typeof (result as { event?: unknown } | null | undefined)?.event === 'string';
}
