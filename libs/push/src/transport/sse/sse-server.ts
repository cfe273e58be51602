import { HttpException, type MessageEvent } from '@nestjs/common';
import { isObservable, Observable, type Subscriber } from 'rxjs';
import { EventStream, resuming } from '../../bus/event-stream.js';
import type { EventBus } from '../../bus/event-bus.js';
import { PushError } from '../../contracts/errors.js';
import type { TimerWheel } from '../timer-wheel.js';
import { KeptAlive } from './kept-alive.js';
import type { PushSseRoute } from './push-sse.decorator.js';
import { lastEventId, raw, type RawRequest, type RawResponse } from './raw-response.js';
import { SseConnection } from './sse-connection.js';

/** Who an `@Sse()` handler is called for. */
export interface SseClient {
  readonly request: RawRequest;
  readonly response: RawResponse;
}

/** Turns what `@Sse()` handlers return into what their clients get. */
export class SseServer {
  constructor(
    private readonly bus: EventBus,
    private readonly wheel: TimerWheel,
    private readonly options: { readonly retry: number },
  ) {}

  /** An `@Sse()` route: an event stream that comes as it is, where nobody else looks at its events, is sent directly. */
  serve(client: SseClient, run: () => unknown, hasInterceptors: boolean): unknown {
    const resume = lastEventId(raw(client.request));
    return settle(
      () => resuming(resume, run),
      (result) => {
        if (!isObservable(result)) return result;
        if (result instanceof EventStream && !hasInterceptors) return this.direct(client, result, resume);
        return this.piped(client, result as Observable<MessageEvent>, resume);
      },
    );
  }

  /** A `@PushSse()` route: always sent directly. */
  serveTopics(client: SseClient, route: PushSseRoute, run: () => unknown, hasInterceptors: boolean): unknown {
    const resume = lastEventId(raw(client.request));
    return settle(
      () => resuming(resume, run),
      (result) => {
        if (result instanceof EventStream) return this.direct(client, result, resume, hasInterceptors);
        const topics =
          result === undefined ? [declaredTopic(route, client.request)] : (result as string | string[]);
        return this.direct(client, this.bus.stream(topics, route.options), resume, hasInterceptors);
      },
    );
  }

  /**
   * @param isObserved interceptors would see what is emitted: then nothing is, and the headers are left to Nest's timer
   */
  private direct(client: SseClient, stream: EventStream, resume: string | undefined, isObserved = false) {
    return new Observable<MessageEvent>((subscriber) => {
      const response = raw(client.response);
      const start = resuming(resume, () => stream.start);
      if (raw(client.request).method === 'HEAD') return;
      if (isObserved) {
        const position = start === 'now' ? stream.hub.position : start;
        return whenHeadersAreSent(response, () => this.connect(subscriber, response, stream, position));
      }
      // A comment makes Nest send the headers at once, so that the stream begins in this very turn.
      subscriber.next({ comment: '' } as MessageEvent);
      this.connect(subscriber, response, stream, start);
    });
  }

  private connect(
    subscriber: Subscriber<MessageEvent>,
    response: RawResponse,
    stream: EventStream,
    start: string,
  ): void {
    const connection = new SseConnection(stream, response, this.wheel, () => subscriber.complete());
    subscriber.add(() => connection.close());
    connection.open(start, this.options.retry);
  }

  /** Events go Nest's way, through whatever was piped on; only the connection is looked after. */
  private piped(client: SseClient, events: Observable<MessageEvent>, resume: string | undefined) {
    return new Observable<MessageEvent>((subscriber) => {
      const response = raw(client.response);
      subscriber.add(resuming(resume, () => events.subscribe(subscriber)));
      if (raw(client.request).method === 'HEAD') return;
      subscriber.add(
        whenHeadersAreSent(response, () => {
          const kept = new KeptAlive(response, this.wheel, this.options.retry);
          subscriber.add(() => kept.close());
        }),
      );
    });
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

/**
 * Applies `then` to what `run` returns, or promises. A PushError becomes the HTTP answer that it stands for: a client that
 * asks for what it may not have is no error of the server, to be logged with a stack.
 */
function settle(run: () => unknown, then: (value: unknown) => unknown): unknown {
  try {
    const result = run();
    return result instanceof Promise ? result.then(then).catch(refuse) : then(result);
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (!(error instanceof PushError) || !error.expose) throw error;
  const { status, code, message } = error;
  throw new HttpException({ statusCode: status, code, message }, status, { cause: error });
}

function declaredTopic({ topic }: PushSseRoute, request: RawRequest): string {
  if (topic === undefined)
    throw new PushError('INVALID_OPTION', '@PushSse() without a topic must return the topics.');
  const { params } = request as RawRequest & { params?: Record<string, string> };
  return topic
    .split('.')
    .map((token) => (token.startsWith(':') ? singleToken(params?.[token.slice(1)], token) : token))
    .join('.');
}

function singleToken(value: string | undefined, token: string): string {
  if (value !== undefined && /^[!-)+\-/-=?-~]+$/.test(value)) return value;
  const message = `The route parameter ${token} cannot be part of a topic: it has to be one token, without ".", "*", ">".`;
  throw new PushError('INVALID_TOPIC', message);
}
