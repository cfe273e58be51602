import { HttpException, type MessageEvent } from '@nestjs/common';
import { isObservable, Observable, type Subscriber } from 'rxjs';
import type { Session } from '../../access/session.js';
import type { EventBus } from '../../bus/event-bus.js';
import { EventStream } from '../../bus/event-stream.js';
import { explain } from '../../bus/failure.js';
import { PushError } from '../../contracts/errors.js';
import { endOfStream, errorReport } from '../../wire/sse.codec.js';
import { honourClose } from '../../platform/connection-header.js';
import { declaredTopic } from './declared-topic.js';
import { holdHeaders } from '../../platform/held-headers.js';
import { caught, forbidCaching, refusalOf, refuse } from './http-refusal.js';
import { lastEventId } from './last-event-id.js';
import { MessageConnection } from './message-connection.js';
import { MessageStream } from './message-stream.js';
import { PipedConnection } from './piped-connection.js';
import { identify } from './piped-message.js';
import { Place, servedTo } from './place.js';
import type { PushSseRoute } from './push-sse.decorator.js';
import { raw } from '../../platform/raw-response.js';
import type { SseDesk } from './sse-client.js';
import { SseConnection } from './sse-connection.js';
import { SseVisit } from './sse-visit.js';
import { needsStream, refusedStream } from './stream-refusal.js';
import { whenHeadersAreSent, writtenBody, type SseRequest } from '../../platform/written-body.js';

/** A request whose handler has run. */
interface Call extends SseRequest {
  readonly visit: SseVisit;
  readonly isHead: boolean;
  /** Where the client is in the log. */
  readonly place: Place;
}

/** Turns what `@Sse()` handlers return into what their clients get. */
export class SseServer {
  constructor(
    private readonly bus: EventBus,
    private readonly desk: SseDesk,
  ) {}

  /** Whose the streams of the application's own routes are, in words. */
  get routePrincipals(): string {
    return this.desk.gatekeeper.routePrincipals;
  }

  /** An `@Sse()` route: an event stream that comes as it is, where nobody else looks at its events, is sent directly. */
  serve(client: SseRequest, run: () => unknown): unknown {
    return this.admit(client, run, (place, result) => {
      if (!(result instanceof MessageStream) && !isObservable(result)) return result;
      return after(this.callOf(client, place), (call) => {
        if (result instanceof MessageStream) return this.messages(call, result);
        if (result instanceof EventStream && !call.isIntercepted) return this.direct(call, result);
        return this.greeted(call, undefined, () => this.piped(call, result as Observable<MessageEvent>));
      });
    });
  }

  /** A `@PushSse()` route: always sent directly. */
  serveTopics(client: SseRequest, route: PushSseRoute, run: () => unknown): unknown {
    return this.admit(client, run, (place, result) => {
      const stream = result instanceof EventStream ? result : this.streamOf(client, route, result);
      return after(this.callOf(client, place), (call) => this.direct(call, stream));
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
      const turn = this.desk.reception.enter();
      const handle = () => after(servedTo(place, run), (result) => then(place, result));
      return turn ? turn.then(handle) : handle();
    };
    const handled = caught(serve, (thrown) => this.refused(client, thrown));
    if (!client.isIntercepted || !(handled instanceof Promise)) return handled;
    return holdHeaders(response, handled, (error) => this.desk.errors.report(error, { stage: 'stream' }));
  }

  /**
   * What a client gets instead of its stream: what is final has its status, and what may pass is told to an `EventSource` in a
   * stream, since it would take the status for final. So is everything where an interceptor has had the headers sent.
   */
  private refused(client: SseRequest, thrown: unknown): Observable<MessageEvent> {
    const error = refusalOf(thrown);
    if (!error) throw thrown;
    const { reception } = this.desk;
    const response = raw(client.response);
    if (response.headersSent || (error.retryable && needsStream(client.request)))
      return refusedStream(client, error, reception.comeBackIn);
    return refuse(response, reception, error);
  }

  /** Makes room for the client, unless the handler was push's own and has done so. */
  private callOf(client: SseRequest, place: Place): Call | Promise<Call> {
    const request = raw(client.request);
    const response = raw(client.response);
    const { gatekeeper, reception } = this.desk;
    const isHead = request.method === 'HEAD';
    const callIn = (session: Session): Call => {
      place.budget = session.budget;
      return { ...client, visit: new SseVisit(response, session, reception), isHead, place };
    };
    const session = gatekeeper.sessionOf(request) ?? gatekeeper.enter(client.request, request, client.since);
    return session instanceof Promise ? session.then(callIn) : callIn(session);
  }

  /**
   * Lets the client in once its stream can begin: until then it waits, and may be refused, by its hooks too. From here on it
   * counts. What reads no log waits for none.
   *
   * @param topics if they are known
   * @param then returns the stream; it is not called too late to begin
   */
  private greeted(call: Call, topics: readonly string[] | undefined, then: () => unknown): unknown {
    const { visit, place } = call;
    const { reception } = this.desk;
    const begin = () => {
      reception.assertOpen();
      visit.session.assertOpen();
      return then();
    };
    const greet = () => {
      reception.assertOpen();
      reception.arrived(visit);
      const { id, transport, principal } = visit;
      const greeting = reception.greet({ connection: id, transport, principal }, topics);
      // The client may have left while its handler ran.
      if (visit.isOver) reception.left(visit);
      return greeting ? greeting.catch(forTheMoment).then(begin) : begin();
    };
    const letIn = () => {
      reception.assertOpen();
      const reached = topics || place.isUsed ? reception.reached() : undefined;
      return reached ? reached.then(greet) : greet();
    };
    return caught(letIn, (thrown) => {
      visit.refuse(reception.isDraining ? 'drain' : 'error');
      throw thrown;
    });
  }

  private direct(call: Call, stream: EventStream): unknown {
    const { visit, place, isIntercepted } = call;
    const { topics, options } = stream;
    const isEnveloped = options.envelope ?? false;
    const { desk } = this;
    const prepare = () => {
      place.use();
      const start = place.startOf(options);
      const from = isIntercepted && start === 'now' ? (desk.hub.position ?? start) : start;
      return (end: () => void) => {
        const connection = new SseConnection(visit, desk, topics, isEnveloped, end);
        connection.open(from, desk.reception.comeBackIn, start === 'now');
        return connection;
      };
    };
    const events = writtenBody(call, prepare);
    return this.greeted(call, topics, () => events);
  }

  /** A client that wants the messages of a WebSocket. */
  private messages(call: Call, { asked }: MessageStream): unknown {
    const { visit, place } = call;
    const { desk } = this;
    place.isUsed = true;
    const events = writtenBody(call, () => (end) => {
      const connection = new MessageConnection(visit, desk, end);
      connection.open(asked);
      return connection;
    });
    return this.greeted(call, undefined, () => events);
  }

  /** Events go Nest's way, through whatever was piped on; only the connection and the ids are looked after. */
  private piped(call: Call, events: Observable<MessageEvent>): Observable<MessageEvent> {
    const { visit, place, isHead, isIntercepted } = call;
    return new Observable<MessageEvent>((subscriber) => {
      const connection = new PipedConnection(visit, this.desk, () => subscriber.complete());
      subscriber.add(() => connection.close());
      const observer = {
        next: (message: MessageEvent) => {
          try {
            message = identify(message, place, !isIntercepted);
          } catch (error) {
            this.failed(call, subscriber, error);
            return;
          }
          subscriber.next(message);
        },
        error: (error: unknown) => this.failed(call, subscriber, error),
        complete: () => {
          visit.reason = 'end';
          subscriber.complete();
        },
      };
      subscriber.add(servedTo(place, () => events.subscribe(observer)));
      if (isHead) return;
      const open = () => {
        connection.attach();
        if (place.isUsed) connection.open(this.desk.reception.comeBackIn, place.opening);
      };
      subscriber.add(whenHeadersAreSent(visit.response, open));
    });
  }

  /** The application's pipe failed. While nothing is sent, its exception filters answer; then the stream says it. */
  private failed(call: Call, subscriber: Subscriber<MessageEvent>, thrown: unknown): void {
    const { visit, place } = call;
    visit.reason = 'error';
    if (!visit.response.headersSent) {
      try {
        subscriber.add(this.refused(call, thrown).subscribe(subscriber));
      } catch (error) {
        subscriber.error(error);
      }
      return;
    }
    if (!place.isUsed) {
      subscriber.error(thrown);
      return;
    }
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.desk.errors.report(thrown, { stage: 'stream', connection: visit.id });
    subscriber.next({
      type: 'push.error',
      data: errorReport(error),
      id: error.retryable ? place.reached : endOfStream,
    });
    subscriber.complete();
  }
}

/** What a connect hook throws that would be another answer later is that also by a status of the application's own. */
function forTheMoment(thrown: unknown): never {
  const { error } = explain(thrown);
  throw error.retryable ? error : thrown;
}

function after<Value>(result: Value | Promise<Value>, then: (value: Value) => unknown): unknown {
  return result instanceof Promise ? result.then(then) : then(result);
}
