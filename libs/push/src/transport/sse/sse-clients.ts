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
import type { BodyOutlet } from './body-outlet.js';
import type { SseExchange } from './exchange.js';
import type { MessageStream } from './message-stream.js';
import { pipedBody, type Refusal } from './piped-body.js';

/** The settings of SSE clients. */
interface SseClientSettings extends ConversationSettings {
  readonly sse: { readonly heartbeat: 'comment' | 'event' };
}

/** Serves the clients of server-sent events, each in its way. What is returned is what Nest subscribes to. */
@Injectable()
export class SseClients {
  private readonly dialects: SseDialects;

  constructor(
    @Inject(Door) private readonly door: Door,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(pushSettings) private readonly settings: SseClientSettings,
  ) {
    this.dialects = sseDialects(settings.sse.heartbeat);
  }

  /** An event stream that comes as it is: its bytes go to the body, beside Nest. */
  serveEvents(exchange: SseExchange, stream: EventStream): unknown {
    const { client, outlet, place, isIntercepted } = exchange;
    const { topics, options } = stream;
    const framings = options.envelope ? this.dialects.enveloped : this.dialects.plain;
    const body = writtenBody(exchange, () => {
      place.use();
      const start = place.startOf(options);
      // The headers leave a turn later: what comes meanwhile is the client's as well.
      const from = isIntercepted && start === 'now' ? (client.head ?? start) : start;
      return (end) => {
        const dialect = this.begin(client, outlet, framings, end);
        if (dialect)
          this.whatFails(client, () =>
            client.read(topics, from, (id) => {
              client.say(dialect.opening(this.door.comeBackIn, start === 'now' ? id : undefined));
            }),
          );
        return { close: () => client.stop() };
      };
    });
    return this.door.welcome(client, () => body, { topics, readsLog: true });
  }

  /** A client that wants the messages of a WebSocket. What it asks for, it has said in its request. */
  serveMessages(exchange: SseExchange, { asked }: MessageStream): unknown {
    const { client, outlet, place } = exchange;
    place.use();
    const body = writtenBody(exchange, () => (end) => {
      const dialect = this.begin(client, outlet, this.dialects.messages, end);
      if (dialect) {
        client.say(dialect.opening(this.door.comeBackIn));
        greet(client, this.settings);
        this.answer(client, asked).catch((thrown: unknown) => this.broke(client, thrown));
      }
      return { close: () => client.stop() };
    });
    return this.door.welcome(client, () => body, { readsLog: true });
  }

  /** Events go Nest's way, through the application's pipe; only the connection and the ids are looked after. */
  servePiped(exchange: SseExchange, events: Observable<MessageEvent>, refuse: Refusal): unknown {
    const dialect = this.dialects.plain.whole;
    const serve = () =>
      pipedBody(exchange, events, {
        dialect,
        refuse,
        comeBackIn: () => this.door.comeBackIn,
        report: (error) => this.report(error, exchange.client),
      });
    return this.door.welcome(exchange.client, serve, { readsLog: exchange.place.isUsed });
  }

  /** Tells the application of an error that belongs to no request any more. */
  report(error: unknown, client?: Client): void {
    this.errors.report(error, { stage: 'stream', ...(client && { connection: client.id }) });
  }

  /** The headers are sent: the body is the client's. Returns its dialect; `undefined` if it is over already. */
  private begin(
    client: Client,
    outlet: BodyOutlet,
    { whole, chunked }: Framings,
    end: () => void,
  ): SseDialect | undefined {
    outlet.open(end);
    const dialect = outlet.isChunked ? chunked : whole;
    return client.begin(dialect) ? dialect : undefined;
  }

  /** Does what a client of messages asks for, in order. */
  private async answer(client: Client, asked: readonly SubscribeMessage[]): Promise<void> {
    for (const message of asked) {
      await client.session.ready();
      await this.door.turn();
      // A client that was told that it is over is told nothing more.
      if (!client.isOver) await this.subscribe(client, message);
    }
  }

  private async subscribe(client: Client, message: SubscribeMessage): Promise<void> {
    try {
      await subscribe(client, message, this.door, this.settings);
    } catch (thrown) {
      if (client.isOver) return;
      const { error, details, isExpected } = explain(thrown);
      if (!isExpected) this.errors.report(thrown, { stage: 'message', connection: client.id });
      client.send(errorMessage(error, message.ref, details));
    }
  }

  private whatFails(client: Client, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.broke(client, thrown);
    }
  }

  /** Serving the client has failed: no status can say that any more. */
  private broke(client: Client, thrown: unknown): void {
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.report(thrown, client);
    client.fail(error);
  }
}
