import type { TransportName } from '../../contracts/connection.js';
import { PushError, type PushErrorCode } from '../../contracts/errors.js';
import type { GapNotice } from '../../protocol/gap.js';
import type { ErrorReport, Greeting, ServerMessage } from '../../protocol/messages.js';
import type { Start } from '../../protocol/topics.js';
import { Changes, PushTestingError } from './changes.js';
import type { ConnectionEnd, MessageNamed, PublicationOptions, ReceivedEvent } from './client-messages.js';
import { openEventStream } from './event-stream-wire.js';
import { refusalOf, request, textOf } from './http-request.js';
import type { ServerSockets } from './server-sockets.js';
import { openWebSocket } from './websocket-wire.js';
import type { Wire, WireListener } from './wire.js';

/** Where a test client connects, and how. @internal */
export interface ClientTarget {
  readonly transport: TransportName;
  /** Of the door, or of the route. */
  readonly url: string;
  /** Of `POST /push/publish`. */
  readonly publishUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly topics: readonly string[];
  readonly from: Start | undefined;
  /** Whether it is a route of the application's own. */
  readonly isRoute: boolean;
}

/** A client over a real socket. It keeps everything that it is told, over all of its connections. */
export class PushTestClient<Data = unknown> {
  /** What the server has said, in the words of PROTOCOL.md, whatever the transport. */
  readonly messages: ServerMessage[] = [];
  /** How its connection has ended; `undefined` while it is open. */
  ended: ConnectionEnd | undefined;
  private readonly changes: Changes;
  private readonly taken = new WeakSet<ServerMessage>();
  private readonly topics: Set<string>;
  private wire: Wire | undefined;
  /** Where the messages of this connection begin. */
  private begin = 0;
  private listener: WireListener | undefined;
  private asked = 0;

  /** @internal */
  constructor(
    private readonly target: ClientTarget,
    private readonly sockets: ServerSockets,
    patience: number,
  ) {
    this.changes = new Changes(patience);
    this.topics = new Set(target.topics);
  }

  /** All events so far. */
  get received(): ReceivedEvent<Data>[] {
    return this.messages.filter(isEvent).map((message) => eventOf<Data>(message));
  }

  /** All gaps that it was told of so far. */
  get gaps(): GapNotice[] {
    return this.messages.flatMap((message) => (message.event === 'gap' ? [message.data] : []));
  }

  /** The id that it resumes from; `undefined` if it has none. */
  get lastId(): string | undefined {
    for (const { event, data } of this.messages.toReversed())
      if (event !== 'published' && 'id' in data && data.id !== undefined) return data.id;
    return undefined;
  }

  /**
   * The next event: the first that no call has returned before, received already or yet to come.
   *
   * @throws PushTestingError (the promise rejects) if none comes in time; PushError if the server ends the connection first
   */
  async next(): Promise<ReceivedEvent<Data>> {
    return eventOf<Data>(await this.take(isEvent, 'event'));
  }

  /**
   * The next message with this name, as `next()`: `gap`, `removed`, `ended`, `revoked`, `heartbeat`, `drain` and others.
   *
   * @throws as `next`
   */
  async message<Name extends ServerMessage['event']>(name: Name): Promise<MessageNamed<Name>['data']> {
    const isNamed = (message: ServerMessage): message is ServerMessage => message.event === name;
    return (await this.take(isNamed, name)).data as MessageNamed<Name>['data'];
  }

  /** Resolves when the connection has ended. @throws PushTestingError (the promise rejects) if it does not end in time */
  end(): Promise<ConnectionEnd> {
    return this.changes.first(
      () => this.ended,
      () => `The connection has not ended. ${this.summary}`,
    );
  }

  /** Destroys the socket, as a network does that breaks. Resolves when the server has noticed. */
  async cut(): Promise<void> {
    await this.over((wire) => wire.destroy());
  }

  /** Closes the connection in the regular way. Resolves when the server has noticed. */
  async close(): Promise<void> {
    await this.over((wire) => wire.close());
  }

  /**
   * Comes back as the same client, with all of its topics, from the last id that it has got. A connection that is open is cut.
   *
   * @throws PushError (the promise rejects) if it is refused
   */
  async resume(): Promise<void> {
    await this.cut();
    await this.open(this.lastId);
  }

  /**
   * Reads more topics. WebSocket only.
   *
   * @throws PushError (the promise rejects) if it is refused
   */
  async subscribe(topics: string | readonly string[], from?: Start): Promise<void> {
    const added = [topics].flat();
    await this.ask('subscribe', { topics: added, from }, 'live');
    for (const topic of added) this.topics.add(topic);
  }

  /** Reads these topics no more. WebSocket only. @throws PushError (the promise rejects) */
  async unsubscribe(topics: string | readonly string[]): Promise<void> {
    const removed = [topics].flat();
    await this.ask('unsubscribe', { topics: removed }, 'unsubscribed');
    for (const topic of removed) this.topics.delete(topic);
  }

  /**
   * Publishes, as a client may by the policies of the application. Over an event stream that is `POST /push/publish`.
   *
   * @returns the event's id; `undefined` for an ephemeral one
   * @throws PushError (the promise rejects) with the `code` and the `details` that the server sends
   */
  async publish(topic: string, data: unknown, options: PublicationOptions = {}): Promise<string | undefined> {
    const publication = { ...options, topic, data };
    if (this.target.transport === 'websocket')
      return (await this.ask('publish', publication, 'published')).data.id;
    const headers = { ...this.target.headers, 'content-type': 'application/json' };
    const answer = await request(
      this.target.publishUrl,
      { method: 'POST', headers },
      JSON.stringify(publication),
    );
    if (answer.statusCode !== 200) throw await refusalOf(answer);
    return (JSON.parse(await textOf(answer)) as { readonly id?: string }).id;
  }

  /** Connects. @throws PushError (the promise rejects) if it is refused @internal */
  async open(after?: string): Promise<void> {
    this.ended = undefined;
    this.begin = this.messages.length;
    try {
      await this.enter(this.listen(), after);
    } catch (error) {
      this.wire?.destroy();
      this.ended ??= { error: undefined, delay: undefined, closeCode: undefined };
      throw error;
    }
  }

  private async enter(listener: WireListener, after: string | undefined): Promise<void> {
    const topics = [...this.topics];
    if (this.target.transport === 'sse') {
      const { url, isRoute } = this.target;
      const headers = { ...this.target.headers, ...(after !== undefined && { 'last-event-id': after }) };
      this.wire = await openEventStream({ url, headers }, { topics, hasEnvelope: !isRoute }, listener);
      await this.first(
        () => this.current.find(({ event }) => event === 'live'),
        'the beginning of the stream',
      );
      return;
    }
    this.wire = await openWebSocket({ url: this.identified, headers: this.target.headers }, listener);
    await this.first(() => this.current.find(({ event }) => event === 'hello'), 'hello');
    if (topics.length > 0) await this.ask('subscribe', { topics, from: after ?? this.target.from }, 'live');
  }

  /** The URL of its WebSocket, with which the server knows it again. */
  private get identified(): string {
    const { url } = this.target;
    const { greeting } = this;
    return greeting ? `${url}?client=${encodeURIComponent(greeting.client)}` : url;
  }

  /** What its newest WebSocket was greeted with. */
  private get greeting(): Greeting | undefined {
    return this.messages.findLast((message) => message.event === 'hello')?.data;
  }

  /** What was said on this connection. */
  private get current(): readonly ServerMessage[] {
    return this.messages.slice(this.begin);
  }

  /** For error messages. */
  private get summary(): string {
    const names = this.messages.map(({ event }) => event);
    return `It was told: ${names.slice(-12).join(', ') || 'nothing'}.`;
  }

  private listen(): WireListener {
    const listener: WireListener = {
      told: (message) => {
        this.messages.push(message);
        if (message.event === 'revoked') for (const topic of message.data.topics) this.topics.delete(topic);
        this.changes.changed();
      },
      closed: (closeCode) => {
        if (this.listener !== listener) return;
        const errors = this.current.flatMap((each) => (each.event === 'error' ? [each.data] : []));
        const drain = this.current.findLast((each) => each.event === 'drain');
        const error = errors.findLast(({ ref }) => ref === undefined);
        this.ended = { error, delay: drain?.data.delay, closeCode };
        this.changes.changed();
      },
    };
    return (this.listener = listener);
  }

  private async over(end: (wire: Wire) => void): Promise<void> {
    const { wire } = this;
    if (!wire) return;
    if (!this.ended) end(wire);
    await this.end();
    await this.sockets.closed(wire.port, this.greeting?.connection);
  }

  private async take<Message extends ServerMessage>(
    is: (message: ServerMessage) => message is Message,
    what: string,
  ): Promise<Message> {
    const message = await this.first(
      () => this.messages.find((each): each is Message => is(each) && !this.taken.has(each)),
      what,
    );
    this.taken.add(message);
    return message;
  }

  /** Waits for something as long as the connection lasts. */
  private first<Found>(look: () => Found | undefined, what: string): Promise<Found> {
    const lookOn = () => {
      const found = look();
      if (found === undefined && this.ended) throw this.failure(this.ended, what);
      return found;
    };
    return this.changes.first(lookOn, () => `The client has received no ${what}. ${this.summary}`);
  }

  private failure({ error, delay, closeCode }: ConnectionEnd, what: string): Error {
    if (error) return errorOf(error);
    const how = closeCode === undefined ? '' : ` with ${closeCode}`;
    const back = delay === undefined ? '' : `, and the client was told to come back in ${delay} ms`;
    return new PushTestingError(
      `There is no ${what}: the connection has ended${how}${back}. ${this.summary}`,
    );
  }

  private async ask<Name extends ServerMessage['event']>(
    event: string,
    data: object,
    answer: Name,
  ): Promise<MessageNamed<Name>> {
    if (!this.wire?.send)
      throw new PushTestingError(`An event stream cannot ${event}. Connect over WebSocket.`);
    const ref = String(++this.asked);
    this.wire.send({ event, data: { ...data, ref } });
    const isAnswer = (each: ServerMessage) =>
      'ref' in each.data && each.data.ref === ref && (each.event === answer || each.event === 'error');
    const told = await this.first(() => this.current.find(isAnswer), `answer to ${event}`);
    if (told.event === 'error') throw errorOf(told.data);
    return told as MessageNamed<Name>;
  }
}

function isEvent(message: ServerMessage): message is MessageNamed<'message' | 'snapshot'> {
  return message.event === 'message' || message.event === 'snapshot';
}

function eventOf<Data>({ data: said }: MessageNamed<'message' | 'snapshot'>): ReceivedEvent<Data> {
  const { topic, id, data } = said;
  return { topic, id, type: 'type' in said ? said.type : undefined, data: data as Data };
}

function errorOf({ code, message, retryable, details }: ErrorReport): PushError {
  return new PushError(code as PushErrorCode, message, { retryable, details });
}
