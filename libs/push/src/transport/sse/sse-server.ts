import { HttpException, type MessageEvent } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { isObservable, Observable, type Subscriber } from 'rxjs';
import type { ErrorReporter } from '../../bus/error-reporter.js';
import type { EventBus } from '../../bus/event-bus.js';
import { EventStream, resuming } from '../../bus/event-stream.js';
import { PushError } from '../../contracts/errors.js';
import { endOfStream, errorReport } from '../../wire/sse.codec.js';
import { explain } from '../failure.js';
import { declaredTopic } from './declared-topic.js';
import { PipedConnection } from './piped-connection.js';
import type { PushSseRoute } from './push-sse.decorator.js';
import { lastEventId, raw, type RawRequest, type RawResponse } from './raw-response.js';
import type { SseDesk } from './sse-client.js';
import { SseConnection } from './sse-connection.js';

/** Who an `@Sse()` handler is called for. */
export interface SseRequest {
  readonly request: RawRequest;
  readonly response: RawResponse;
  /** Interceptors sit on the route. */
  readonly isIntercepted: boolean;
}

/** A stream that is about to be sent to somebody. */
interface Visit {
  readonly id: string;
  readonly response: RawResponse;
  readonly isHead: boolean;
  readonly resume: string | undefined;
}

/** Turns what `@Sse()` handlers return into what their clients get. */
export class SseServer {
  constructor(
    private readonly bus: EventBus,
    private readonly desk: SseDesk,
    private readonly errors: ErrorReporter,
  ) {}

  /** An `@Sse()` route: an event stream that comes as it is, where nobody else looks at its events, is sent directly. */
  serve(client: SseRequest, run: () => unknown): unknown {
    return this.admit(client, run, (visit, result) => {
      if (!isObservable(result)) return result;
      if (result instanceof EventStream && !client.isIntercepted) return this.direct(visit, result);
      return this.greeted(visit, undefined, () => this.piped(visit, result as Observable<MessageEvent>));
    });
  }

  /** A `@PushSse()` route: always sent directly. */
  serveTopics(client: SseRequest, route: PushSseRoute, run: () => unknown): unknown {
    return this.admit(client, run, (visit, result) => {
      if (result instanceof EventStream) return this.direct(visit, result, client.isIntercepted);
      const topics =
        result === undefined ? declaredTopic(route.topic, client.request) : (result as string | string[]);
      return this.direct(visit, this.bus.stream(topics, route.options), client.isIntercepted);
    });
  }

  /** Runs the handler when it is the client's turn, and hands its result on. */
  private admit(
    client: SseRequest,
    run: () => unknown,
    then: (visit: Visit, result: unknown) => unknown,
  ): unknown {
    const request = raw(client.request);
    const response = raw(client.response);
    const resume = lastEventId(request);
    const visit: Visit = { id: randomUUID(), response, isHead: request.method === 'HEAD', resume };
    return refusing(() => {
      // The last block said that there is nothing to come back for; 204 is how an EventSource is told to stop.
      if (resume === endOfStream) throw new HttpException('', 204);
      if (!this.desk.reception.isOpen)
        response.setHeader('Retry-After', Math.ceil(this.desk.reception.comeBackIn / 1000));
      const turn = this.desk.reception.enter();
      const handle = () => after(resuming(resume, run), (result) => then(visit, result));
      return turn ? turn.then(handle) : handle();
    });
  }

  private greeted(visit: Visit, topics: readonly string[] | undefined, then: () => unknown): unknown {
    const greeting = this.desk.reception.greet({ connection: visit.id, transport: 'sse' }, topics);
    return greeting ? greeting.then(then) : then();
  }

  /**
   * @param isObserved interceptors would see what is emitted: then nothing is, and the headers are left to Nest's timer
   */
  private direct(visit: Visit, stream: EventStream, isObserved = false): unknown {
    const { response, resume, isHead } = visit;
    const events = new Observable<MessageEvent>((subscriber) => {
      const start = resuming(resume, () => stream.start);
      if (isHead) return;
      if (isObserved) {
        const position = start === 'now' ? stream.hub.position : start;
        return whenHeadersAreSent(response, () => this.connect(visit, subscriber, stream, position));
      }
      // A comment makes Nest send the headers at once, so that the stream begins in this very turn.
      subscriber.next({ comment: '' } as MessageEvent);
      this.connect(visit, subscriber, stream, start);
    });
    return this.greeted(visit, stream.topics, () => events);
  }

  private connect(
    visit: Visit,
    subscriber: Subscriber<MessageEvent>,
    stream: EventStream,
    start: string,
  ): void {
    const connection = new SseConnection(visit.id, visit.response, this.desk, stream, () =>
      subscriber.complete(),
    );
    subscriber.add(() => connection.close());
    connection.open(start, this.desk.reception.comeBackIn);
  }

  /** Events go Nest's way, through whatever was piped on; only the connection is looked after. */
  private piped(
    { id, response, resume, isHead }: Visit,
    events: Observable<MessageEvent>,
  ): Observable<MessageEvent> {
    return new Observable<MessageEvent>((subscriber) => {
      const connection = new PipedConnection(id, response, this.desk, () => subscriber.complete());
      subscriber.add(() => connection.close());
      const observer = {
        next: (message: MessageEvent) => subscriber.next(message),
        error: (error: unknown) => this.failed(id, response, subscriber, error),
        complete: () => subscriber.complete(),
      };
      subscriber.add(resuming(resume, () => events.subscribe(observer)));
      if (isHead) return;
      subscriber.add(whenHeadersAreSent(response, () => connection.open(this.desk.reception.comeBackIn)));
    });
  }

  /** The application's pipe failed. While nothing is sent, its exception filters answer; then the stream says it. */
  private failed(
    id: string,
    response: RawResponse,
    subscriber: Subscriber<MessageEvent>,
    thrown: unknown,
  ): void {
    if (!response.headersSent) {
      subscriber.error(thrown);
      return;
    }
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.errors.report(thrown, { stage: 'stream', connection: id });
    subscriber.next({
      type: 'push.error',
      data: errorReport(error),
      ...(!error.retryable && { id: endOfStream }),
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

function after(result: unknown, then: (value: unknown) => unknown): unknown {
  return result instanceof Promise ? result.then(then) : then(result);
}

/**
 * A PushError becomes the HTTP answer that it stands for: a client that asks for what it may not have is no error of the
 * server, to be logged with a stack.
 */
function refusing(run: () => unknown): unknown {
  try {
    const result = run();
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (!(error instanceof PushError) || !error.expose) throw error;
  const { status, code, message } = error;
  throw new HttpException({ statusCode: status, code, message }, status, { cause: error });
}
