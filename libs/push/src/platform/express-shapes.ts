import { SSE_ABORT_CONTROLLER } from '@nestjs/common';
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The properties that Express, its router and body parsers, and Nest add to a request. */
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

/** The properties that they add to a response; the status is Node's default. */
const ofResponse = { locals: undefined, statusCode: 200, statusMessage: undefined };

/**
 * Saves memory for each event stream of an Express application. Express changes the prototypes of request and response, and adds
 * properties after that. For each such property V8 makes a new hidden class for this one object, of about a kilobyte, and keeps
 * the last one as long as the object lives. Properties that exist before the change share one hidden class.
 */
export function shareExpressShapes(server: EventEmitter): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!request.headers.accept?.includes('text/event-stream')) return;
    Object.assign(request, ofRequest);
    Object.assign(response, ofResponse);
  });
}
