import type { MessageMappingProperties } from '@nestjs/websockets';
import { lastValueFrom, type Observable } from 'rxjs';
import type { RawData, WebSocket } from 'ws';
import { assertHarmless } from '../../access/json-shape.js';
import { PushError } from '../../contracts/errors.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import type { WebSocketConnection } from './websocket-connection.js';

/** How many messages of one client may wait for the ones before; beyond that its socket is not read. */
const maxWaiting = 32;

interface Incoming {
  readonly event: string;
  readonly data: object;
}

/**
 * The messages of one client: parsed, handled one after the other, each answered. Nest's own adapter drops what it cannot
 * read, and handles a client's messages in any order.
 *
 * What a client says before it leaves, or before it is sent away, is handled like the rest, whatever has to be waited for: a
 * page that is being closed sends its last words, and closes its connection at once.
 */
export class MessageInbox {
  private readonly handlers: ReadonlyMap<string, MessageMappingProperties>;
  private readonly waiting: RawData[] = [];

  private constructor(
    private readonly client: WebSocket,
    private readonly connection: WebSocketConnection,
    handlers: readonly MessageMappingProperties[],
    private readonly transform: (result: unknown) => Observable<unknown>,
    private readonly maxDepth: number,
  ) {
    this.handlers = new Map(handlers.map((handler) => [handler.message as string, handler]));
  }

  /**
   * Begins to read the messages of `client`.
   *
   * @param maxDepth how deep the JSON of a message may be nested
   */
  static open(
    client: WebSocket,
    connection: WebSocketConnection,
    handlers: readonly MessageMappingProperties[],
    transform: (result: unknown) => Observable<unknown>,
    maxDepth: number,
  ): void {
    const inbox = new MessageInbox(client, connection, handlers, transform, maxDepth);
    client.on('message', (data, isBinary) => inbox.receive(data, isBinary));
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (!this.connection.isHeard) return;
    if (isBinary) {
      this.refuse('Messages are JSON in text frames; this was a binary frame.');
      return;
    }
    this.waiting.push(data);
    if (this.waiting.length >= maxWaiting) this.client.pause();
    if (!this.connection.isBusy) this.work().catch(() => this.client.terminate());
  }

  private async work(): Promise<void> {
    const { connection } = this;
    connection.isBusy = true;
    try {
      await connection.opening;
      for (let data = this.waiting.shift(); data !== undefined; data = this.waiting.shift()) {
        if (connection.isRefused) continue;
        await connection.turn((data as Buffer).length);
        if (connection.isRefused) continue;
        const message = this.parse(data);
        if (message) await this.handle(message);
        connection.progress();
        if (this.waiting.length === 0 && connection.hasRoomForAnswers) connection.resume();
      }
    } finally {
      connection.rest();
    }
  }

  private parse(data: RawData): Incoming | undefined {
    let message: unknown;
    try {
      message = JSON.parse((data as Buffer).toString());
      assertHarmless(message, this.maxDepth);
    } catch (error) {
      this.refuse(error instanceof PushError ? error.message : 'The message is not JSON.');
      return undefined;
    }
    const { event, data: body = {} } = (message ?? {}) as { event?: unknown; data?: unknown };
    const ref =
      typeof (body as { ref?: unknown } | null)?.ref === 'string' ? (body as { ref: string }).ref : undefined;
    if (typeof event !== 'string' || !this.handlers.has(event)) {
      this.refuse(`"event" has to be one of: ${[...this.handlers.keys()].join(', ')}.`, ref);
      return undefined;
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      this.refuse(`"data" of ${event} has to be an object.`);
      return undefined;
    }
    return { event, data: body };
  }

  private async handle({ event, data }: Incoming): Promise<void> {
    const { callback } = this.handlers.get(event)!;
    this.connection.message = data;
    try {
      const result: unknown = await lastValueFrom(this.transform(callback(data, event)), {
        defaultValue: undefined,
      });
      if (isMessage(result) && this.client.readyState === this.client.OPEN) {
        this.client.send(JSON.stringify(result));
      }
    } catch {
      // A filter that rethrows is the application's mistake; the client still gets an answer.
      this.connection.send(
        errorMessage(new PushError('INTERNAL', 'The server failed to handle the message.')),
      );
    }
  }

  private refuse(message: string, ref?: string): void {
    this.connection.send(errorMessage(new PushError('INVALID_MESSAGE', message), ref?.slice(0, 64)));
  }
}

/**
 * Handlers answer through the connection and return nothing. What an interceptor makes of that is sent if it is a message;
 * the envelope that one puts around every HTTP answer is none.
 */
function isMessage(result: unknown): boolean {
  return typeof (result as { event?: unknown } | null | undefined)?.event === 'string';
}
