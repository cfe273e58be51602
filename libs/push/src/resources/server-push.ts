import {
  constants,
  Http2ServerRequest,
  sensitiveHeaders,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { PushedResponse } from './pushed-response.js';
import { maxFileOffset, type CheckedResource, type ResourceFile } from './resource.js';

/** Is told what happens to one promised push. */
export interface PushObserver {
  /** Some bytes of the body went to HTTP/2. */
  sent(bytes: number): void;
  /** The client has reset the stream, or has left. */
  refused(): void;
  /** This node has cancelled the push. At most once, and never together with `refused`. */
  failed(reason: string): void;
  /** The stream is closed, or could not be opened. Called exactly once, and last. */
  closed(): void;
}

/** Answers a pushed request as if the client had sent it. */
export type Answer = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** The headers that the answer to a request commonly depends on. Conditions and ranges concern the page alone. */
const carriedHeaders = [
  'accept-encoding',
  'accept-language',
  'authorization',
  'cookie',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
];

/** The request that the page's client would have sent for a resource. */
export function pushedRequest(
  page: IncomingHttpHeaders,
  path: string,
  furtherHeaders: readonly string[],
): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {
    ':method': 'GET',
    ':scheme': page[':scheme'],
    ':authority': page[':authority'] ?? page.host,
    ':path': path,
    accept: '*/*',
  };
  for (const name of [...carriedHeaders, ...furtherHeaders])
    if (page[name] !== undefined) headers[name] = page[name];
  return headers;
}

/**
 * Promises a resource on the page's stream at once, and answers it after the page's own handler has run. A failure of the push
 * does not affect the page.
 *
 * The promise carries the credentials of the request, never indexed by HPACK: without them a cache on the way
 * could take the answer for public.
 *
 * @throws what `pushStream` throws where no push is possible; the observer is not called then
 */
export function pushResource(
  page: ServerHttp2Stream,
  resource: CheckedResource,
  headers: IncomingHttpHeaders,
  answer: Answer,
  observer: PushObserver,
): void {
  const range = resource.file?.range;
  const request = range ? { ...headers, range: `bytes=${range.start}-${range.end}` } : headers;
  const promise = { ...request, [sensitiveHeaders]: ['authorization', 'cookie'] };
  page.pushStream(promise, (error, stream) => {
    if (error) {
      observer.failed(error.message);
      observer.closed();
      return;
    }
    const push = new Push(stream, observer);
    setImmediate(() => {
      if (stream.destroyed || stream.closed) return;
      if (resource.file) push.sendFile(resource.file);
      else push.answer(request, answer);
    });
  });
}

/** One pushed stream, from its promise to its end. */
class Push {
  private hasFailed = false;

  constructor(
    private readonly stream: ServerHttp2Stream,
    private readonly observer: PushObserver,
  ) {
    // Node reports a reset as an error too. "close" always follows.
    stream.on('error', () => {});
    stream.once('close', () => {
      const isComplete = stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.writableFinished;
      if (!isComplete && !this.hasFailed) observer.refused();
      observer.closed();
    });
  }

  answer(headers: IncomingHttpHeaders, answer: Answer): void {
    const request = new Http2ServerRequest(
      this.stream,
      Object.assign(Object.create(null), headers),
      {},
      Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
    );
    const response = new PushedResponse(
      this.stream,
      (bytes) => this.observer.sent(bytes),
      (status) => this.cancel(`the application answered ${status}`),
    );
    try {
      answer(request, response);
    } catch (error) {
      this.cancel(String(error));
    }
  }

  sendFile({ path, contentType, range }: ResourceFile): void {
    const headers = { ':status': range ? 206 : 200, 'content-type': contentType };
    this.stream.respondWithFile(path, headers, {
      offset: range?.start,
      length: range && range.end - range.start + 1,
      statCheck: (stat, headers) => {
        const end = Math.min(range?.end ?? Infinity, stat.size - 1);
        const start = range?.start ?? 0;
        if (end >= maxFileOffset || (range && start > end)) {
          this.cancel(`its file has ${stat.size} bytes`);
          return false;
        }
        headers['last-modified'] = stat.mtime.toUTCString();
        if (range) headers['content-range'] = `bytes ${start}-${end}/${stat.size}`;
        this.observer.sent(end - start + 1);
        return true;
      },
      onError: (error) => this.cancel(error.message),
    });
  }

  private cancel(reason: string): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.observer.failed(reason);
    this.stream.close(constants.NGHTTP2_CANCEL);
  }
}
