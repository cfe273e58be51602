import type { MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { PushError } from '../../contracts/errors.js';
import { sseRefusal } from '../../wire/sse.codec.js';
import { beforeHead, type WithHead } from '../../platform/response-head.js';
import { raw, type BodySink, type RawRequest } from '../../platform/raw-response.js';
import { writtenBody, type SseRequest } from '../../platform/written-body.js';

/**
 * Whether the client takes any status but 200 for final. `EventSource` does (HTML standard, 9.2.3), and names the media type;
 * a client that names it and knows what a status means says `Push-Refusals: status`.
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
 * A refusal as a stream: it says when to come back and why, and ends. One for the moment has no id, so that the client keeps
 * its place; that is why it is written beside Nest, which would give it one.
 */
export function refusedStream(client: SseRequest, error: PushError, retry: number): Observable<MessageEvent> {
  const response = raw(client.response);
  // The route's own status may be another one. Nest 11 has read it by now.
  if (!response.headersSent) beforeHead(response as unknown as WithHead, (head) => (head.status = 200));
  const sink = response as unknown as BodySink;
  return writtenBody({ ...client, isWatched: true }, () => (end) => {
    if (!sink.destroyed && !sink.writableEnded) sink.write(sseRefusal(error, retry));
    end();
    return { close: () => undefined };
  });
}
