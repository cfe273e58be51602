import type { MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { PushError } from '../../contracts/errors.js';
import { sseRefusal } from '../../wire/sse.codec.js';
import { beforeHead, type WithHead } from '../../platform/response-head.js';
import { raw, type BodySink, type RawRequest } from '../../platform/raw-response.js';
import { writtenBody, type SseRequest } from '../../platform/written-body.js';

/**
 * Whether the client treats any status but 200 as final. `EventSource` does (HTML standard, 9.2.3), and accepts the media type
 * of event streams. Another client that accepts it, and handles statuses, sends `Push-Refusals: status`.
 */
export function needsStream(wrapped: RawRequest): boolean {
  const { method, headers } = raw(wrapped);
  const wish = headers['push-refusals'];
  return method === 'GET' && wish !== 'status' && (headers.accept ?? '').split(',').some(isEventStream);
}

function isEventStream(range: string): boolean {
  const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  return type === 'text/event-stream' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
}

/**
 * A refusal as a stream: it gives the reason and the retry delay, and ends. A retryable refusal has no id, so that the client
 * keeps its position. Nest would add an id, so the refusal is written directly to the response.
 */
export function refusedStream(client: SseRequest, error: PushError, retry: number): Observable<MessageEvent> {
  const response = raw(client.response);
  // The route may declare another status, which Nest 11 has read by now.
  if (!response.headersSent) beforeHead(response as unknown as WithHead, (head) => (head.status = 200));
  const sink = response as unknown as BodySink;
  return writtenBody({ ...client, isWatched: true }, () => (end) => {
    if (!sink.destroyed && !sink.writableEnded) sink.write(sseRefusal(error, retry), 'latin1');
    end();
    return { close: () => undefined };
  });
}
