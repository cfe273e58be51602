import { HttpException, Inject, Injectable, type MessageEvent } from '@nestjs/common';
import { EMPTY, isObservable, Observable } from 'rxjs';
import { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session } from '../../access/session.js';
import { EventBus } from '../../bus/event-bus.js';
import { EventStream } from '../../bus/event-stream.js';
import { Door } from '../../clients/door.js';
import { PushError } from '../../contracts/errors.js';
import { honourClose } from '../../platform/connection-header.js';
import { holdHeaders } from '../../platform/held-headers.js';
import { isClosed, raw } from '../../platform/raw-response.js';
import type { SseRequest } from '../../platform/written-body.js';
import { endOfStream } from '../../wire/sse.codec.js';
import { BodyOutlet } from './body-outlet.js';
import { declaredTopic } from './declared-topic.js';
import { caught, forbidCaching, refusalOf, refuse } from './http-refusal.js';
import { lastEventId } from './last-event-id.js';
import { MessageStream } from './message-stream.js';
import { Place, servedTo } from './place.js';
import type { PushSseRoute } from './push-sse.decorator.js';
import type { SseExchange } from './exchange.js';
import { SseClients } from './sse-clients.js';
import { needsStream, refusedStream } from './stream-refusal.js';

/**
 * Turns what `@Sse()` handlers return into what their clients get: runs the handler when it is the client's turn, makes room
 * for the client, and chooses how it is served.
 */
@Injectable()
export class SseServer {
  constructor(
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Door) private readonly door: Door,
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(SseClients) private readonly clients: SseClients,
  ) {}

  /** Whose the streams of the application's own routes are, in words. */
  get routePrincipals(): string {
    return this.gatekeeper.routePrincipals;
  }

  /** An `@Sse()` route: an event stream that comes as it is, where nobody else looks at its events, is sent directly. */
  serve(client: SseRequest, run: () => unknown): unknown {
    return this.admit(client, run, (place, result) => {
      if (!(result instanceof MessageStream) && !isObservable(result)) return result;
      return after(this.exchangeOf(client, place), (exchange) => {
        if (result instanceof MessageStream) return this.clients.serveMessages(exchange, result);
        if (result instanceof EventStream && !client.isIntercepted)
          return this.clients.serveEvents(exchange, result);
        return this.clients.servePiped(exchange, result as Observable<MessageEvent>, (thrown) =>
          this.refused(client, thrown),
        );
      });
    });
  }

  /** A `@PushSse()` route: always sent directly. */
  serveTopics(client: SseRequest, route: PushSseRoute, run: () => unknown): unknown {
    return this.admit(client, run, (place, result) => {
      const stream = result instanceof EventStream ? result : this.streamOf(client, route, result);
      return after(this.exchangeOf(client, place), (exchange) => this.clients.serveEvents(exchange, stream));
    });
  }

  /** The stream of the topics that the method of a `@PushSse()` route has named, or of the declared one. */
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
    // The code wrote it, and a parameter stays within its token.
    const declared = declaredTopic(route.topic, client.request);
    return this.bus.stream(declared, { ...route.options, wildcards: true });
  }

  /** Runs the handler when it is the client's turn, and hands its result on. */
  private admit(
    client: SseRequest,
    run: () => unknown,
    then: (place: Place, result: unknown) => unknown,
  ): unknown {
    const response = raw(client.response);
    honourClose(raw(client.request), response);
    const place = new Place(lastEventId(client.request));
    const serve = () => {
      // The last block said that there is nothing to come back for; 204 is how an EventSource is told to stop.
      if (place.lastEventId === endOfStream) {
        forbidCaching(response);
        throw new HttpException('', 204);
      }
      const turn = this.door.enter();
      const handle = () => after(servedTo(place, run), (result) => then(place, result));
      return turn ? turn.then(handle) : handle();
    };
    const handled = caught(serve, (thrown) => this.refused(client, thrown));
    if (!client.isIntercepted || !(handled instanceof Promise)) return handled;
    return holdHeaders(response, handled, (error) => this.clients.report(error));
  }

  /**
   * What a client gets instead of its stream: what is final has its status, and what may pass is told to an `EventSource` in a
   * stream, since it would take the status for final. So is everything where an interceptor has had the headers sent.
   */
  private refused(client: SseRequest, thrown: unknown): Observable<MessageEvent> {
    const error = refusalOf(thrown);
    const response = raw(client.response);
    // Nest 11 does not look at the result of a handler whose HTTP/2 session is gone: a rejection would end the process.
    if (isClosed(response)) {
      if (!error && !(thrown instanceof HttpException)) this.clients.report(thrown);
      return EMPTY;
    }
    if (!error) throw thrown;
    if (response.headersSent || (error.retryable && needsStream(client.request)))
      return refusedStream(client, error, this.door.comeBackIn);
    return refuse(response, this.door, error);
  }

  /** Makes room for the client, unless the handler was push's own and has done so. */
  private exchangeOf(client: SseRequest, place: Place): SseExchange | Promise<SseExchange> {
    const request = raw(client.request);
    const admit = (session: Session): SseExchange => {
      place.budget = session.budget;
      const outlet = new BodyOutlet(raw(client.response));
      return { ...client, client: this.door.clientOf(session, outlet), outlet, place };
    };
    return after(
      this.gatekeeper.sessionOf(request) ?? this.gatekeeper.enter(client.request, request, client.since),
      admit,
    );
  }
}

function after<Value, Result>(
  result: Value | Promise<Value>,
  then: (value: Value) => Result,
): Result | Promise<Result> {
  return result instanceof Promise ? result.then(then) : then(result);
}
