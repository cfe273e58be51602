import { ServerResponse, type IncomingMessage } from 'node:http';
import {
  Http2ServerResponse,
  type Http2ServerRequest,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { whenConnectionCloses } from './connection-end.js';
import type { Corkable } from './together.js';

/** Node's request behind what Express or Fastify hand out. */
export type RawRequest = IncomingMessage | Http2ServerRequest;

/** Node's response behind what Express or Fastify hand out. */
export type RawResponse = ServerResponse | Http2ServerResponse;

/** The Node object behind a Fastify request or reply; what Express hands out is one already. */
export function raw<T extends object>(wrapped: T | { readonly raw: T }): T {
  return 'raw' in wrapped ? wrapped.raw : wrapped;
}

/** Where the bytes of a response body go. */
export interface BodySink extends Corkable {
  write(bytes: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
  readonly writableNeedDrain: boolean;
  readonly writableEnded: boolean;
  readonly destroyed: boolean;
}

/** A body to write to, and what the writer has to know of it. */
export interface Body {
  readonly sink: BodySink;
  /** Whether each write has to be a chunk of a chunked body (RFC 9112, section 7.1). */
  readonly isChunked: boolean;
  /** Whether `writableLength` is all that waits: nothing sits between us and the socket. */
  readonly isDirect: boolean;
}

/** Internal to Node, but the only way to learn how an HTTP/1.1 body is framed. */
interface Framed {
  readonly chunkedEncoding?: boolean;
}

/**
 * The lowest place that the body of `response` may be written to, once its headers are sent. On HTTP/1.1 that is the
 * socket, with chunks that are framed once for everyone; on HTTP/2 the stream. Where something (compression, say) wants to
 * see each write, it is the response itself.
 */
export function bodyOf(response: RawResponse): Body {
  if (response instanceof Http2ServerResponse) {
    const isDirect = response.write === Http2ServerResponse.prototype.write;
    return {
      sink: isDirect ? response.stream : (response as unknown as BodySink),
      isChunked: false,
      isDirect,
    };
  }
  const isDirect = response.write === ServerResponse.prototype.write && response.socket !== null;
  const isChunked = isDirect && (response as Framed).chunkedEncoding === true;
  return { sink: isChunked ? response.socket! : response, isChunked, isDirect };
}

/** Whether nobody can get anything of `response` any more: it is done, or its client is gone. */
export function isClosed(response: RawResponse): boolean {
  if (response instanceof Http2ServerResponse) {
    // An HTTP/2 response has no stream any more once that is closed.
    const stream = response.stream as ServerHttp2Stream | undefined;
    return !stream || stream.destroyed || stream.closed;
  }
  return response.destroyed || response.closed || (connectionOf(response)?.destroyed ?? false);
}

/**
 * Calls `then` when the response is done, or its client is gone: once; at once if that is so already. What belongs to a
 * request MUST be given back by this, and MUST NOT be taken before it: no other event always comes.
 */
export function whenClosed(response: RawResponse, then: () => void): void {
  if (isClosed(response)) then();
  else if (response instanceof Http2ServerResponse) whenStreamCloses(response.stream, then);
  // Node says it once. The bookkeeping of `once` would be held as long as the connection.
  else if (response.socket) response.on('close', then);
  else whenQueuedCloses(response, then);
}

/** A reset closes a stream, but with NO_ERROR the stream is destroyed only once all that came before is read. */
function whenStreamCloses(stream: ServerHttp2Stream, then: () => void): void {
  const close = () => {
    stream.off('aborted', close).off('close', close);
    then();
  };
  stream.on('aborted', close).on('close', close);
}

/**
 * A response that waits for the one before it on its connection (RFC 9112, section 9.3.2) has no socket. If it never gets
 * one, Node says nothing of its end.
 */
function whenQueuedCloses(response: ServerResponse, then: () => void): void {
  const close = () => {
    forget();
    response.off('close', close);
    then();
  };
  const forget = whenConnectionCloses(response.req.socket, close);
  response.on('close', close);
}

/** Ends the connection of `response` (on HTTP/2: its stream only) at once. */
export function destroyResponse(response: RawResponse): void {
  if (response instanceof Http2ServerResponse) (response.stream as ServerHttp2Stream | undefined)?.destroy();
  else if (response.socket) response.destroy();
  // Before it has its turn it would only be marked.
  else connectionOf(response)?.destroy();
}

/** The TCP connection that `response` is being written to; none before its turn, and none on HTTP/2, where it is shared. */
export function tcpSocketOf(response: RawResponse): Socket | undefined {
  return response instanceof Http2ServerResponse ? undefined : (response.socket ?? undefined);
}

/** The TCP connection that the request of `response` came by, also before and after its turn; none on HTTP/2. */
export function connectionOf(response: RawResponse): Socket | undefined {
  if (response instanceof Http2ServerResponse) return undefined;
  return response.socket ?? (response.req as IncomingMessage | undefined)?.socket;
}

/** The HTTP/2 session that carries `response`. */
export function http2SessionOf(response: RawResponse): Http2Session | undefined {
  if (!(response instanceof Http2ServerResponse)) return undefined;
  // There is no stream any more once it is closed.
  return (response.stream as ServerHttp2Stream | undefined)?.session;
}
