import { keepHeaders, releaseHeaders } from './nest-sse-stream.js';
import { destroyResponse, type RawResponse } from './raw-response.js';

type Committed = NonNullable<ReturnType<typeof releaseHeaders>>;

/**
 * Keeps Nest from answering 200 before `handled` is settled. Without interceptors Nest waits for the handler; with them, a
 * timer of its own sends the headers a turn later, and a handler that waits for anything could refuse no client any more.
 *
 * @param onError is told when the headers cannot be sent; then the response is destroyed
 */
export async function holdHeaders<T>(
  response: RawResponse,
  handled: Promise<T>,
  onError: (error: unknown) => void,
): Promise<T> {
  keepHeaders(response);
  try {
    return await handled;
  } finally {
    const stream = releaseHeaders(response);
    // Nest subscribes to the handler's result first: until something is sent, that may fail, and Nest ends its stream.
    if (stream) setImmediate(() => commit(stream, response, onError));
  }
}

function commit(stream: Committed, response: RawResponse, onError: (error: unknown) => void): void {
  if (stream.writableEnded || response.headersSent || response.destroyed) return;
  try {
    stream.commitHeaders();
  } catch (error) {
    onError(error);
    destroyResponse(response);
  }
}
