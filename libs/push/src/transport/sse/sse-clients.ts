import { Inject, Injectable, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { ErrorReporter } from '../../bus/error-reporter.js';
import type { EventStream } from '../../bus/event-stream.js';
import { explain } from '../../bus/failure.js';
import type { Client } from '../../clients/client.js';
import type { SubscribeMessage } from '../../clients/client-messages.js';
import { greet, subscribe, type ConversationSettings } from '../../clients/conversation.js';
import { Door } from '../../clients/door.js';
import { pushSettings } from '../../contracts/settings.js';
import { writtenBody } from '../../platform/written-body.js';
import { sseDialects, type Framings, type SseDialect, type SseDialects } from '../../wire/sse.dialect.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import { DialectStream } from './dialect-stream.js';
import type { SseExchange } from './exchange.js';
import type { MessageStream } from './message-stream.js';
import { pipedBody, type Refusal } from './piped-body.js';
import { SseCompression } from './sse-compression.js';

/** The settings of SSE clients. */
interface SseClientSettings extends ConversationSettings {
  readonly sse: { readonly heartbeat: 'comment' | 'event' };
}

/** Serves the clients of server-sent events. Each method returns the observable that Nest subscribes to. */
@Injectable()
export class SseClients {
  private readonly dialects: SseDialects;

  constructor(
    @Inject(Door) private readonly door: Door,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(SseCompression) private readonly compression: SseCompression,
    @Inject(pushSettings) private readonly settings: SseClientSettings,
  ) {
    this.dialects = sseDialects(settings.sse.heartbeat);
  }

  /** Serves an event stream that no code of the application changes. Its bytes go straight to the body, bypassing Nest. */
  serveEvents(exchange: SseExchange, stream: EventStream | DialectStream): unknown {
    const { client, position, isIntercepted } = exchange;
    const { topics, options } = stream;
    const framings = this.framingsOf(stream);
    const body = writtenBody(exchange, () => {
      const isCompressed = options.compression !== false && this.compression.negotiate(exchange, topics);
      position.markAsReader();
      const start = position.startOf(options);
      // The headers leave one turn later. The client must also get the events published in between.
      const from = isIntercepted && start === 'now' ? (client.head ?? start) : start;
      return (end) => {
        const dialect = this.begin(exchange, framings, isCompressed, end);
        if (dialect)
          this.failOnThrow(client, () => {
            const open = (id?: string) => client.say(dialect.opening(this.door.comeBackIn, id));
            // It may take a while until a snapshot is there.
            if (start === 'snapshot') open();
            const onStart = (id: string) => {
              if (start !== 'snapshot') open(start === 'now' ? id : undefined);
            };
            const { presence = false } = options;
            client.read(topics, from, onStart, { presence, snapshot: options.from === 'snapshot' });
          });
        return { close: () => client.stop() };
      };
    });
    return this.door.welcome(client, () => body, { topics, readsLog: true });
  }

  /** Serves a client that reads the messages of a WebSocket over HTTP. Its request contains its subscriptions. */
  serveMessages(exchange: SseExchange, { asked }: MessageStream): unknown {
    const { client, position } = exchange;
    position.markAsReader();
    const topics = asked.flatMap((message) => message.topics);
    const body = writtenBody(exchange, () => {
      const isCompressed = this.compression.negotiate(exchange, topics);
      return (end) => {
        const dialect = this.begin(exchange, this.dialects.messages, isCompressed, end);
        if (dialect) {
          client.say(dialect.opening(this.door.comeBackIn));
          greet(client, this.settings);
          this.answer(client, asked).catch((thrown: unknown) => this.failWith(client, thrown));
        }
        return { close: () => client.stop() };
      };
    });
    return this.door.welcome(client, () => body, { readsLog: true });
  }

  /** Serves a stream whose events go through Nest and the application's pipe. Push only keeps the connection and the ids. */
  servePiped(exchange: SseExchange, events: Observable<MessageEvent>, refuse: Refusal): unknown {
    const dialect = this.dialects.plain.whole;
    const serve = () =>
      pipedBody(exchange, events, {
        dialect,
        refuse,
        comeBackIn: () => this.door.comeBackIn,
        report: (error) => this.report(error, exchange.client),
      });
    return this.door.welcome(exchange.client, serve, { readsLog: exchange.position.readsLog });
  }

  /** Reports an error that can no longer be part of a response. */
  report(error: unknown, client?: Client): void {
    this.errors.report(error, { stage: 'stream', ...(client && { connection: client.id }) });
  }

  private framingsOf(stream: EventStream | DialectStream): Framings {
    if (stream instanceof DialectStream) return stream.framings;
    return stream.options.envelope ? this.dialects.enveloped : this.dialects.plain;
  }

  /** Begins to write the body, now that the headers are sent. Returns its dialect; `undefined` if the client is over already. */
  private begin(
    { client, outlet }: SseExchange,
    { whole, chunked }: Framings,
    isCompressed: boolean,
    end: () => void,
  ): SseDialect | undefined {
    outlet.open(end);
    if (isCompressed) this.compression.begin(outlet, whole.events);
    const dialect = outlet.isChunked && !isCompressed ? chunked : whole;
    return client.begin(dialect) ? dialect : undefined;
  }

  /** Handles the subscriptions of a message client in order. */
  private async answer(client: Client, asked: readonly SubscribeMessage[]): Promise<void> {
    for (const message of asked) {
      await client.session.ready();
      await this.door.turn();
      // A client gets nothing after the message that ended it.
      if (!client.isOver) await this.subscribe(client, message);
    }
  }

  private async subscribe(client: Client, message: SubscribeMessage): Promise<void> {
    try {
      await subscribe(client, message, this.door, this.settings);
    } catch (thrown) {
      if (client.isOver) return;
      const { error, details, isExpected } = explain(thrown, client);
      if (!isExpected) this.errors.report(thrown, { stage: 'message', connection: client.id });
      client.send(errorMessage(error, message.ref, details));
    }
  }

  private failOnThrow(client: Client, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.failWith(client, thrown);
    }
  }

  /** Ends the stream of a client that could not be served. It is too late for an HTTP status. */
  private failWith(client: Client, thrown: unknown): void {
    const { error, isExpected } = explain(thrown, client);
    if (!isExpected) this.report(thrown, client);
    client.fail(error);
  }
}
