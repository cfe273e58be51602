import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { together } from './together.js';
import { Handover } from './handover.js';
import { sendHeaders } from './nest-sse-stream.js';
import { raw, tcpSocketOf, type RawRequest, type RawResponse } from './raw-response.js';

/** The client that an `@Sse()` handler is called for. */
export interface SseRequest {
  readonly request: RawRequest;
  readonly response: RawResponse;
  /** Interceptors sit on the route. */
  readonly isIntercepted: boolean;
  /** The route is one of push's own. */
  readonly isOwn: boolean;
  /** The handler has asked to be told when the stream ends (`@SseSignal()`). */
  readonly isWatched: boolean;
  /** When its handler was called, in milliseconds since 1970, with fractions. */
  readonly since: number;
}

/** Whether Nest keeps its stream, and may write to it, because its end matters to code of the application. */
export function keepsOwnStream({ isIntercepted, isOwn, isWatched }: SseRequest): boolean {
  return (isIntercepted && !isOwn) || isWatched;
}

/** Writes a body. */
export interface BodyWriter {
  /** The subscription is over. Idempotent. */
  close(): void;
}

/** Begins to write, once the headers are sent. @param end ends the response */
export type BeginBody = (end: () => void) => BodyWriter;

/**
 * A response whose body is written past Nest. Interceptors must see nothing of it, so on a route that has some, Nest's timer
 * sends the headers. Nest keeps its stream only where its end matters to other code: an `@SseSignal()`, or an interceptor on
 * a route of the application's own.
 *
 * @param prepare is called when Nest subscribes
 */
export function writtenBody(client: SseRequest, prepare: () => BeginBody): Observable<MessageEvent> {
  const { request, isIntercepted } = client;
  const response = raw(client.response);
  const isHead = request.method === 'HEAD';
  const handover = keepsOwnStream(client) || isHead ? undefined : new Handover(request, response);
  return new Observable<MessageEvent>((subscriber) => {
    const begin = prepare();
    if (isHead) return whenHeadersAreSent(response, () => subscriber.complete());
    const keep = () => {
      const writer = begin(() => subscriber.complete());
      subscriber.add(() => writer.close());
    };
    if (isIntercepted && handover) {
      // Interceptors see a stream that completes empty. None of them can end the body, or write to it. It completes once the
      // headers are sent: Nest 11 sends none for a stream that is complete before.
      whenHeadersAreSent(response, () => {
        handover.complete(subscriber);
        beginApart(response, begin);
      });
      return;
    }
    if (isIntercepted) return whenHeadersAreSent(response, keep);
    const commit = () => {
      // A comment makes Nest send the headers at once, so that the stream begins in this very turn.
      if (!sendHeaders(response)) subscriber.next({ comment: '' } as MessageEvent);
      if (!handover) return keep();
      handover.complete(subscriber);
      beginApart(response, begin);
    };
    // Headers, greeting and what was missed are one write.
    const socket = tcpSocketOf(response);
    if (socket) together(socket, commit);
    else commit();
  });
}

/** A function of its own, so that the writer's closures keep nothing alive that Nest is to forget. */
function beginApart(response: RawResponse, begin: BeginBody): void {
  begin(() => response.end());
}

/** Nest sends the headers of an SSE response a turn after it has subscribed. Returns how to stop waiting. */
export function whenHeadersAreSent(response: RawResponse, then: () => void): () => void {
  let timer: NodeJS.Timeout;
  const look = () => {
    if (response.destroyed || response.writableEnded) return;
    if (response.headersSent) then();
    else timer = setTimeout(look, 1);
  };
  timer = setTimeout(look, 1);
  return () => clearTimeout(timer);
}
