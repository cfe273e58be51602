import { SSE_ABORT_CONTROLLER, type MessageEvent } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { Subscriber } from 'rxjs';
import { raw, type RawRequest, type RawResponse } from './raw-response.js';

/** What Nest and Express attach to a request, of the framework and of Node. */
interface Carrier {
  [SSE_ABORT_CONTROLLER]?: AbortController;
  next?: unknown;
}

/**
 * A response that Nest lets go of once its headers are sent. While a stream is open, Nest holds a Transform with its pipe,
 * observables, promises and a timer for each client: more memory than all the rest of the connection. Where the body is
 * written beside it, none of that is ever used.
 */
export class Handover {
  private source: Readable | undefined;

  /** MUST be made before Nest gets what the handler returns, since it then pipes its stream into `response`. */
  constructor(
    private readonly request: RawRequest,
    private readonly response: RawResponse,
  ) {
    response.once('pipe', (source: Readable) => (this.source = source));
  }

  /** Nest takes the stream for complete, and forgets it; the response stays open, and is ended by `response.end()`. */
  complete(subscriber: Subscriber<MessageEvent>): void {
    this.source?.unpipe(this.response as unknown as NodeJS.WritableStream);
    this.source = undefined;
    for (const carrier of [this.request, raw(this.request)] as Carrier[]) {
      // Nest aborts its signal at the end of its stream: nobody has asked for it, and the client is still there.
      const controller = carrier[SSE_ABORT_CONTROLLER];
      if (controller) {
        controller.abort = () => undefined;
        carrier[SSE_ABORT_CONTROLLER] = undefined;
      }
      // The way to the route, which is at its end.
      if (carrier.next) carrier.next = undefined;
    }
    subscriber.complete();
  }
}
