import { SseStream } from '../../platform/nest-internals.js';
import { destroyResponse, type RawResponse } from './raw-response.js';

/** Where Nest keeps the response that an event stream goes to. */
interface Committing {
  readonly _destination: RawResponse | null;
}

/** The responses whose headers wait, and the streams that wanted to send them meanwhile. */
const held = new WeakMap<RawResponse, SseStream | undefined>();

const { commitHeaders } = SseStream.prototype;

SseStream.prototype.commitHeaders = function (this: SseStream): void {
  const { _destination: response } = this as unknown as Committing;
  if (response && held.has(response)) held.set(response, this);
  else commitHeaders.call(this);
};

/**
 * Keeps Nest from answering 200 before `handled` is settled. Without interceptors it waits for the handler; with them, a timer
 * of its own sends the headers a turn later, so that a handler that waits for anything can refuse nobody any more.
 *
 * @param onError is told when the headers cannot be sent; then the response is destroyed
 */
export async function holdHeaders<T>(
  response: RawResponse,
  handled: Promise<T>,
  onError: (error: unknown) => void,
): Promise<T> {
  held.set(response, undefined);
  try {
    return await handled;
  } finally {
    const stream = held.get(response);
    held.delete(response);
    // What the handler has returned is subscribed to first: until something is sent, it may fail, and Nest ends its stream.
    if (stream) setImmediate(() => commit(stream, response, onError));
  }
}

function commit(stream: SseStream, response: RawResponse, onError: (error: unknown) => void): void {
  if (stream.writableEnded || response.headersSent || response.destroyed) return;
  try {
    stream.commitHeaders();
  } catch (error) {
    onError(error);
    destroyResponse(response);
  }
}
