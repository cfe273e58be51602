import { SSE_ABORT_CONTROLLER, type MessageEvent } from '@nestjs/common';
import { SseStream } from '../../platform/nest-internals.js';
import type { Readable } from 'node:stream';
import type { Subscriber } from 'rxjs';
import { raw, type RawRequest, type RawResponse } from './raw-response.js';

/** What Nest and Express attach to a request, of the framework and of Node. */
interface Carrier {
  [SSE_ABORT_CONTROLLER]?: AbortController;
  next?: unknown;
}

/** Which stream of Nest's goes into a response. Interceptors sit in front of the handler, so that it is there before the handler runs. */
const streams = new WeakMap<object, Readable>();

const { pipe } = SseStream.prototype;

SseStream.prototype.pipe = function (this: SseStream, ...args: Parameters<typeof pipe>) {
  streams.set(args[0], this);
  return pipe.apply(this, args);
} as typeof pipe;

/**
 * A response that Nest lets go of once its headers are sent. While a stream is open, Nest holds a Transform with its pipe,
 * observables, promises and a timer for each client: more memory than all the rest of the connection. Where the body is
 * written beside it, none of that is ever used.
 */
export class Handover {
  constructor(
    private readonly request: RawRequest,
    private readonly response: RawResponse,
  ) {}

  /** Nest takes the stream for complete, and forgets it; the response stays open, and is ended by `response.end()`. */
  complete(subscriber: Subscriber<MessageEvent>): void {
    streams.get(this.response)?.unpipe(this.response as unknown as NodeJS.WritableStream);
    streams.delete(this.response);
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
