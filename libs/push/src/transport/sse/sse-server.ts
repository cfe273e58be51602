import { HttpException, Inject, Injectable, type MessageEvent } from '@nestjs/common';
import { EMPTY, isObservable, Observable } from 'rxjs';
import { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session } from '../../access/session.js';
import { logRefusal } from '../../bus/debug-log.js';
import { EventBus } from '../../bus/event-bus.js';
import { EventStream } from '../../bus/event-stream.js';
import { Door } from '../../clients/door.js';
import { PushError } from '../../contracts/errors.js';
import { pushSettings } from '../../contracts/settings.js';
import { honourClose } from '../../platform/connection-header.js';
import { holdHeaders } from '../../platform/held-headers.js';
import { isClosed, raw, type RawResponse } from '../../platform/raw-response.js';
import type { SseRequest } from '../../platform/written-body.js';
import { endOfStream } from '../../wire/sse.codec.js';
import { BodyOutlet } from './body-outlet.js';
import { declaredTopic } from './declared-topic.js';
import { DialectStream } from './dialect-stream.js';
import { caught, forbidCaching, refusalOf, refuse } from './http-refusal.js';
import { lastEventId } from './last-event-id.js';
import { MessageStream } from './message-stream.js';
import { RoutePosition, runAt } from './route-position.js';
import type { PushSseRoute } from './push-sse.decorator.js';
import type { SseExchange } from './exchange.js';
import { SseClients } from './sse-clients.js';
import { needsStream, refusedStream } from './stream-refusal.js';

/**
 * Serves the results of `@Sse()` handlers: runs the handler when it is the client's turn, admits the client, and chooses how to
 * serve it.
 */
@Injectable()
export class SseServer {
  constructor(
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Door) private readonly door: Door,
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(SseClients) private readonly clients: SseClients,
    @Inject(pushSettings) private readonly settings: { readonly limits: { readonly connectionAge: number } },
  ) {}

  /** Describes the principals of the application's own routes. */
  get routePrincipals(): string {
    return this.gatekeeper.routePrincipals;
  }

  /** Serves an `@Sse()` route. An event stream that no pipe and no interceptor sees is sent directly. */
  serve(client: SseRequest, run: () => unknown): unknown {
    return this.admit(client, run, (position, result) => {
      if (result instanceof DialectStream) return this.serveDialect(client, position, result);
      if (!(result instanceof MessageStream) && !isObservable(result)) return result;
      return after(this.exchangeOf(client, position), (exchange) => {
        if (result instanceof MessageStream) return this.clients.serveMessages(exchange, result);
        if (result instanceof EventStream && !client.isIntercepted)
          return this.clients.serveEvents(exchange, result);
        return this.clients.servePiped(exchange, result as Observable<MessageEvent>, (thrown) =>
          this.refused(client, thrown),
        );
      });
    });
  }

  /** Serves a `@PushSse()` route, which is always sent directly. */
  serveTopics(client: SseRequest, route: PushSseRoute, run: () => unknown): unknown {
    return this.admit(client, run, (position, result) => {
      const stream = result instanceof EventStream ? result : this.streamOf(client, route, result);
      return after(this.exchangeOf(client, position), (exchange) =>
        this.clients.serveEvents(exchange, stream),
      );
    });
  }

  /** Serves topics in a dialect of their own, which neither Nest nor interceptors can write. Without topics there is nothing to read. */
  private serveDialect(client: SseRequest, position: RoutePosition, stream: DialectStream): unknown {
    const response = raw(client.response);
    if (stream.topics.length === 0) return nothingToRead(response);
    return after(this.exchangeOf(client, position), (exchange) => {
      for (const [name, value] of Object.entries(stream.headers))
        if (!isClosed(response)) response.setHeader(name, value);
      return this.clients.serveEvents(exchange, stream);
    });
  }

  /** The stream of the topics that the method of a `@PushSse()` route returned, or else of the declared one. */
  private streamOf(client: SseRequest, route: PushSseRoute, result: unknown): EventStream {
    if (isObservable(result)) {
      const advice = 'Use @Sse() for a stream with a pipe.';
      throw new PushError(
        'INVALID_OPTION',
        `A @PushSse() method returns topics or an event stream. ${advice}`,
      );
    }
    const named = result as string | string[] | null | undefined;
    if (named !== null && named !== undefined) return this.bus.stream(named, route.options);
    // Wildcards are safe: the code declares them, and a parameter cannot leave its token.
    const declared = declaredTopic(route.topic, client.request);
    return this.bus.stream(declared, { ...route.options, wildcards: true });
  }

  /** Runs the handler when it is the client's turn, and passes its result to `then`. */
  private admit(
    client: SseRequest,
    run: () => unknown,
    then: (position: RoutePosition, result: unknown) => unknown,
  ): unknown {
    const response = raw(client.response);
    // A client that is sent on over the connection that it has would meet the same node again.
    honourClose(raw(client.request), response, this.settings.limits.connectionAge < Infinity);
    const position = new RoutePosition(lastEventId(client.request));
    const serve = () => {
      // The stream has ended for good, and 204 is the status that stops an EventSource from reconnecting.
      if (position.lastEventId === endOfStream) nothingToRead(response);
      const turn = this.door.enter();
      const handle = () => after(runAt(position, run), (result) => then(position, result));
      return turn ? turn.then(handle) : handle();
    };
    const handled = caught(serve, (thrown) => this.refused(client, thrown));
    if (!client.isIntercepted || !(handled instanceof Promise)) return handled;
    return holdHeaders(response, handled, (error) => this.clients.report(error));
  }

  /**
   * Refuses a client. A final refusal is an HTTP status. An `EventSource` would give up at that, so it gets a retryable refusal
   * as a stream. Once an interceptor has caused the headers to be sent, every refusal is a stream.
   */
  private refused(client: SseRequest, thrown: unknown): Observable<MessageEvent> {
    const error = refusalOf(thrown);
    const response = raw(client.response);
    // Nest 11 ignores the result of a handler whose HTTP/2 session is closed, so a rejection would end the process.
    if (isClosed(response)) {
      if (!error && !(thrown instanceof HttpException)) this.clients.report(thrown);
      return EMPTY;
    }
    if (!error) throw thrown;
    logRefusal(error);
    if (response.headersSent || (error.retryable && needsStream(client.request)))
      return refusedStream(client, error, this.door.comeBackIn);
    return refuse(response, this.door, error);
  }

  /** Opens a session for the client, unless the handler is push's own and has done so. */
  private exchangeOf(client: SseRequest, position: RoutePosition): SseExchange | Promise<SseExchange> {
    const request = raw(client.request);
    const admit = (session: Session): SseExchange => {
      position.budget = session.budget;
      position.principal = session.principal;
      const outlet = new BodyOutlet(raw(client.response));
      return { ...client, client: this.door.clientOf(session, outlet), outlet, position };
    };
    return after(
      this.gatekeeper.sessionOf(request) ?? this.gatekeeper.enter(client.request, request, client.since),
      admit,
    );
  }
}

function nothingToRead(response: RawResponse): never {
  forbidCaching(response);
  throw new HttpException('', 204);
}

function after<Value, Result>(
  result: Value | Promise<Value>,
  then: (value: Value) => Result,
): Result | Promise<Result> {
  return result instanceof Promise ? result.then(then) : then(result);
}
