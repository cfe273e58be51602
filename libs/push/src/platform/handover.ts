import { SSE_ABORT_CONTROLLER, type MessageEvent } from '@nestjs/common';
import type { Subscriber } from 'rxjs';
import { detachStream } from './nest-sse-stream.js';
import { raw, type RawRequest, type RawResponse } from './raw-response.js';

/** What Nest and Express attach to a request, of the framework and of Node. */
interface Carrier {
  [SSE_ABORT_CONTROLLER]?: AbortController;
  next?: unknown;
}

/**
 * A response that Nest lets go of once its headers are sent. While a stream is open, Nest holds a Transform with its pipe,
 * observables, promises and a timer for each client: more memory than all the rest of the connection. A body that is written
 * past Nest uses none of that.
 */
export class Handover {
  constructor(
    private readonly request: RawRequest,
    private readonly response: RawResponse,
  ) {}

  /** Nest takes the stream for complete, and forgets it; the response stays open, and is ended by `response.end()`. */
  complete(subscriber: Subscriber<MessageEvent>): void {
    detachStream(this.response);
    for (const carrier of [this.request, raw(this.request)] as Carrier[]) {
      // Nest aborts its signal at the end of its stream. No handler has asked for that signal, and the client is still there.
      const controller = carrier[SSE_ABORT_CONTROLLER];
      if (controller) {
        controller.abort = () => undefined;
        carrier[SSE_ABORT_CONTROLLER] = undefined;
      }
      // The middleware chain, which has ended.
      if (carrier.next) carrier.next = undefined;
    }
    subscriber.complete();
  }
}
