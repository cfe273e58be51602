import { HttpException, type MessageEvent } from '@nestjs/common';
import { isObservable, Observable, type Subscriber } from 'rxjs';
import type { EventBus } from '../../bus/event-bus.js';
import { EventStream, Place, servedTo } from '../../bus/event-stream.js';
import { explain } from '../../bus/failure.js';
import { PushError } from '../../contracts/errors.js';
import { endOfStream, errorReport } from '../../wire/sse.codec.js';
import { together } from '../together.js';
import { declaredTopic } from './declared-topic.js';
import { Handover } from './handover.js';
import { refusing } from './http-refusal.js';
import { MessageConnection } from './message-connection.js';
import { MessageStream } from './message-stream.js';
import { PipedConnection } from './piped-connection.js';
import { identify } from './piped-message.js';
import type { PushSseRoute } from './push-sse.decorator.js';
import { lastEventId, raw, tcpSocketOf, type RawRequest, type RawResponse } from './raw-response.js';
import type { SseClient, SseDesk } from './sse-client.js';
import { SseConnection } from './sse-connection.js';
import { SseVisit } from './sse-visit.js';

/** Who an `@Sse()` handler is called for. */
export interface SseRequest {
  readonly request: RawRequest;
  readonly response: RawResponse;
  /** Interceptors sit on the route. */
  readonly isIntercepted: boolean;
  /** The handler has asked to be told when the stream ends (`@SseSignal()`). */
  readonly isWatched: boolean;
}

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

  /** An `@Sse()` route: an event stream that comes as it is, where nobody else looks at its events, is sent directly. */
  serve(client: SseRequest, run: () => unknown): unknown {
    return this.admit(client, run, (place, result) => {
      if (result instanceof MessageStream) return this.messages(this.callOf(client, place), result);
      if (!isObservable(result)) return result;
      const call = this.callOf(client, place);
      if (result instanceof EventStream && !call.isIntercepted) return this.direct(call, result);
      return this.greeted(call.visit, undefined, () => this.piped(call, result as Observable<MessageEvent>));
    });
  }

  /** A `@PushSse()` route: always sent directly. */
  serveTopics(client: SseRequest, route: PushSseRoute, run: () => unknown): unknown {
    return this.admit(client, run, (place, result) => {
      const call = this.callOf(client, place);
      if (result instanceof EventStream) return this.direct(call, result);
      if (isObservable(result)) {
        const advice = 'Use @Sse() for a stream with a pipe.';
        throw new PushError(
          'INVALID_OPTION',
          `A @PushSse() method returns topics or an event stream. ${advice}`,
        );
      }
      const named = result as string | string[] | null | undefined;
      if (named !== null && named !== undefined)
        return this.direct(call, this.bus.stream(named, route.options));
      // The code wrote it, and a parameter stays within its token.
      const declared = declaredTopic(route.topic, client.request);
      return this.direct(call, this.bus.stream(declared, { ...route.options, wildcards: true }));
    });
  }

  /** Runs the handler when it is the client's turn, and hands its result on. */
  private admit(
    client: SseRequest,
    run: () => unknown,
    then: (place: Place, result: unknown) => unknown,
  ): unknown {
    const response = raw(client.response);
    const place = new Place(lastEventId(raw(client.request)));
    const { reception } = this.desk;
    return refusing(response, reception, () => {
      // The last block said that there is nothing to come back for; 204 is how an EventSource is told to stop.
      if (place.lastEventId === endOfStream) throw new HttpException('', 204);
      const turn = reception.enter();
      const handle = () => after(servedTo(place, run), (result) => then(place, result));
      return turn ? turn.then(handle) : handle();
    });
  }

  /** Makes room for the client, unless the handler was push's own and has done so. */
  private callOf(client: SseRequest, place: Place): Call {
    const request = raw(client.request);
    const response = raw(client.response);
    const { gatekeeper, principalOf, reception } = this.desk;
    const session = gatekeeper.sessionOf(request) ?? gatekeeper.enter(request, principalOf(client.request));
    const isHead = request.method === 'HEAD';
    place.budget = session.budget;
    return { ...client, visit: new SseVisit(response, session, reception), isHead, place };
  }

  /** From here on the client counts. Its hooks may refuse it; who has to wait for them may be too late to begin. */
  private greeted(visit: SseVisit, topics: readonly string[] | undefined, then: () => unknown): unknown {
    const { id, transport, principal } = visit;
    const { reception } = this.desk;
    reception.assertOpen();
    reception.arrived(visit);
    const greeting = reception.greet({ connection: id, transport, principal }, topics);
    // The client may have left while its handler ran.
    if (visit.isOver) reception.left(visit);
    if (!greeting) return then();
    const begin = () => {
      reception.assertOpen();
      return then();
    };
    return greeting.then(begin).catch((thrown: unknown) => {
      visit.refuse(reception.isOpen ? 'error' : 'drain');
      throw thrown;
    });
  }

  private direct(call: Call, stream: EventStream): unknown {
    const { visit, place, isIntercepted } = call;
    const { topics, options } = stream;
    const isEnveloped = options.envelope ?? false;
    const events = this.written(call, () => {
      const start = servedTo(place, () => stream.start);
      const from = isIntercepted && start === 'now' ? (stream.hub.position ?? start) : start;
      return (end) => {
        const connection = new SseConnection(visit, this.desk, topics, isEnveloped, end);
        connection.open(from, this.desk.reception.comeBackIn, start === 'now');
        return connection;
      };
    });
    return this.greeted(visit, topics, () => events);
  }

  /** A client that wants the messages of a WebSocket. */
  private messages(call: Call, { asked }: MessageStream): unknown {
    const { visit } = call;
    const events = this.written(call, () => (end) => {
      const connection = new MessageConnection(visit, this.desk, end);
      connection.open(asked).catch((thrown: unknown) => {
        this.desk.errors.report(thrown, { stage: 'stream', connection: visit.id });
        connection.fail(explain(thrown).error);
      });
      return connection;
    });
    return this.greeted(visit, undefined, () => events);
  }

  /**
   * A response whose body is written beside Nest. Nothing is emitted that interceptors would see: then the headers are left
   * to Nest's timer. Nest keeps the stream only where somebody is told of its end by it.
   *
   * @param prepare is called with the subscription; what it returns connects the client, once the body can be written
   */
  private written(
    { request, visit, isHead, isIntercepted, isWatched }: Call,
    prepare: () => (end: () => void) => SseClient,
  ): Observable<MessageEvent> {
    const { response } = visit;
    const handover = isIntercepted || isWatched || isHead ? undefined : new Handover(request, response);
    return new Observable<MessageEvent>((subscriber) => {
      const connect = prepare();
      if (isHead) return;
      const keep = () => {
        const connection = connect(() => subscriber.complete());
        subscriber.add(() => connection.close());
      };
      if (isIntercepted) return whenHeadersAreSent(response, keep);
      const begin = () => {
        // A comment makes Nest send the headers at once, so that the stream begins in this very turn.
        subscriber.next({ comment: '' } as MessageEvent);
        if (!handover) return keep();
        handover.complete(subscriber);
        connectTo(visit, connect);
      };
      // Headers, greeting and what was missed are one write.
      const socket = tcpSocketOf(response);
      if (socket) together(socket, begin);
      else begin();
    });
  }

  /** Events go Nest's way, through whatever was piped on; only the connection and the ids are looked after. */
  private piped(call: Call, events: Observable<MessageEvent>): Observable<MessageEvent> {
    const { visit, place, isHead, isIntercepted } = call;
    return new Observable<MessageEvent>((subscriber) => {
      const connection = new PipedConnection(visit, this.desk, () => subscriber.complete());
      subscriber.add(() => connection.close());
      const observer = {
        next: (message: MessageEvent) => subscriber.next(identify(message, place, !isIntercepted)),
        error: (error: unknown) => this.failed(call, subscriber, error),
        complete: () => {
          visit.reason = 'end';
          subscriber.complete();
        },
      };
      subscriber.add(servedTo(place, () => events.subscribe(observer)));
      if (isHead) return;
      const open = () => {
        if (place.isUsed) connection.open(this.desk.reception.comeBackIn, place.opening);
      };
      subscriber.add(whenHeadersAreSent(visit.response, open));
    });
  }

  /** The application's pipe failed. While nothing is sent, its exception filters answer; then the stream says it. */
  private failed({ visit, place }: Call, subscriber: Subscriber<MessageEvent>, thrown: unknown): void {
    visit.reason = 'error';
    if (!visit.response.headersSent || !place.isUsed) {
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

/** Nest sends the headers of an SSE response a turn after it has subscribed. Returns how to stop waiting. */
function whenHeadersAreSent(response: RawResponse, then: () => void): () => void {
  let timer: NodeJS.Timeout;
  const look = () => {
    if (response.destroyed || response.writableEnded) return;
    if (response.headersSent) then();
    else timer = setTimeout(look, 1);
  };
  timer = setTimeout(look, 1);
  return () => clearTimeout(timer);
}

/** Apart from where it is called: the connection must hold nothing of what Nest is to forget. */
function connectTo(visit: SseVisit, connect: (end: () => void) => SseClient): void {
  const connection = connect(() => visit.response.end());
  if (visit.isOver) connection.close();
}

function after(result: unknown, then: (value: unknown) => unknown): unknown {
  return result instanceof Promise ? result.then(then) : then(result);
}
