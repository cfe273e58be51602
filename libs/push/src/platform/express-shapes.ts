import { SSE_ABORT_CONTROLLER } from '@nestjs/common';
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What Express, its router and body parsers, and Nest will put on a request. */
const ofRequest = {
  res: undefined,
  body: undefined,
  next: undefined,
  baseUrl: undefined,
  originalUrl: undefined,
  _parsedUrl: undefined,
  params: undefined,
  route: undefined,
  [SSE_ABORT_CONTROLLER]: undefined,
};

/** And on a response; the status is the one that it has anyway. */
const ofResponse = { locals: undefined, statusCode: 200, statusMessage: undefined };

/**
 * Has the requests for event streams that come to an Express application share their shapes. Express changes the prototypes
 * of request and response, and puts properties on them after that; V8 then describes each object anew for each property, in
 * a kilobyte, and keeps the last description as long as the object lives. For properties that are there before, it does not.
 */
export function shareExpressShapes(server: EventEmitter): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!request.headers.accept?.includes('text/event-stream')) return;
    Object.assign(request, ofRequest);
    Object.assign(response, ofResponse);
  });
}
