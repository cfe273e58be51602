import { SseStream } from '@nestjs/core/router/sse-stream.js';
import type { RawResponse } from './raw-response.js';

/*
 * Nest answers an `@Sse()` route with an `SseStream`, and gives no access to it. Two of its methods are extended here, once for
 * the process: `pipe`, to find the stream of a response, and `commitHeaders`, to hold the headers back, or to send them alone.
 */

/** Where the stream keeps the response that it goes to. */
interface Committing {
  readonly _destination: RawResponse | null;
}

const { pipe, commitHeaders } = SseStream.prototype;

/** By response. Interceptors run before the handler, so the stream is known before the handler runs. */
const streams = new WeakMap<object, SseStream>();

/** The responses whose bodies Nest writes nothing to. Their own `write` is that of Node. */
const silenced = new WeakSet<RawResponse>();

/** The responses whose headers are held back, and the streams that have tried to send them. */
const held = new WeakMap<RawResponse, SseStream | undefined>();

SseStream.prototype.pipe = function (this: SseStream, ...args: Parameters<typeof pipe>) {
  streams.set(args[0], this);
  return pipe.apply(this, args);
} as typeof pipe;

SseStream.prototype.commitHeaders = function (this: SseStream): void {
  const { _destination: response } = this as unknown as Committing;
  if (response && held.has(response)) {
    held.set(response, this);
    hideHead(response.req as { method: string });
  } else if (response && silenced.has(response)) withoutBody(response, () => commitHeaders.call(this));
  else commitHeaders.call(this);
};

/** Nest ends the answer to HEAD as soon as it has sent the headers. Where it was kept from that, it must not see HEAD just now. */
function hideHead(request: { method: string }): void {
  if (request.method !== 'HEAD') return;
  request.method = 'GET';
  queueMicrotask(() => (request.method = 'HEAD'));
}

/** Keeps Nest from writing anything to the body of a response: with the headers it would send an empty line. */
export function silence(response: RawResponse): void {
  silenced.add(response);
}

/** Sends the headers of a response that is silenced, now. Does nothing for any other: Nest sends them with the first message. */
export function sendHeaders(response: RawResponse): boolean {
  if (!silenced.has(response)) return false;
  streams.get(response)?.commitHeaders();
  return true;
}

function withoutBody(response: RawResponse, run: () => void): void {
  response.write = () => true;
  try {
    run();
  } finally {
    // Its class has another one.
    delete (response as Partial<RawResponse>).write;
  }
}

/** Takes Nest's stream out of a response, and forgets it. Does nothing if there is none. */
export function detachStream(response: RawResponse): void {
  streams.get(response)?.unpipe(response as unknown as NodeJS.WritableStream);
  streams.delete(response);
}

/** Keeps Nest from sending the headers of a response until `releaseHeaders`. */
export function keepHeaders(response: RawResponse): void {
  held.set(response, undefined);
}

/** Ends that. Returns the stream that has tried to send the headers: the caller has to commit them. */
export function releaseHeaders(response: RawResponse): SseStream | undefined {
  const stream = held.get(response);
  held.delete(response);
  return stream;
}
