import { ServerResponse, type IncomingMessage } from 'node:http';
import {
  Http2ServerResponse,
  type Http2ServerRequest,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Bytes } from '../contracts/event.js';
import { whenConnectionCloses } from './connection-end.js';
import type { Corkable } from './together.js';

/** Node's request, which Express extends and Fastify wraps. */
export type RawRequest = IncomingMessage | Http2ServerRequest;

/** Node's response, which Express extends and Fastify wraps. */
export type RawResponse = ServerResponse | Http2ServerResponse;

/** Node's object in a Fastify request or reply; an object of Express is Node's own. */
export function raw<T extends object>(wrapped: T | { readonly raw: T }): T {
  return 'raw' in wrapped ? wrapped.raw : wrapped;
}

/** Where the bytes of a response body go. */
export interface BodySink extends Corkable {
  /** @param encoding of bytes that are given as text */
  write(bytes: Bytes, encoding: 'latin1'): boolean;
  once(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
  readonly writableNeedDrain: boolean;
  readonly writableEnded: boolean;
  /** Whether it is neither ended nor destroyed. */
  readonly writable: boolean;
  readonly destroyed: boolean;
}

/** A body to write to, and how to write to it. */
export interface Body {
  readonly sink: BodySink;
  /** Whether each write has to be a chunk of a chunked body (RFC 9112, section 7.1). */
  readonly isChunked: boolean;
  /** Whether the body ends with the sink, which then knows by itself whether more may be written: a stream of HTTP/2. */
  readonly isWhole: boolean;
  /** Whether `writableLength` counts all waiting bytes: there is no compression, say, between the writer and the socket. */
  readonly isDirect: boolean;
}

/** Internal to Node, but the only way to learn how an HTTP/1.1 body is framed. */
interface Framed {
  readonly chunkedEncoding?: boolean;
}

/**
 * The lowest layer that the body of `response` may be written to, once its headers are sent. On HTTP/1.1 that is the socket,
 * with chunks that are framed once for all clients; on HTTP/2 it is the stream. If middleware (compression, say) has replaced
 * `write`, it is the response itself.
 */
export function bodyOf(response: RawResponse): Body {
  if (response instanceof Http2ServerResponse) {
    const isDirect = response.write === Http2ServerResponse.prototype.write;
    return {
      sink: isDirect ? response.stream : (response as unknown as BodySink),
      isChunked: false,
      isWhole: isDirect && response.headersSent,
      isDirect,
    };
  }
  const isDirect = response.write === ServerResponse.prototype.write && response.socket !== null;
  const isChunked = isDirect && (response as Framed).chunkedEncoding === true;
  return { sink: isChunked ? response.socket! : response, isChunked, isWhole: false, isDirect };
}

/** Whether what is written to `response` is the body as it goes out: no middleware (compression, say) has replaced `write`. */
export function isPlainBody(response: RawResponse): boolean {
  const { write } =
    response instanceof Http2ServerResponse ? Http2ServerResponse.prototype : ServerResponse.prototype;
  return response.write === write;
}

/** Whether `response` is complete, or its client is gone. */
export function isClosed(response: RawResponse): boolean {
  if (response instanceof Http2ServerResponse) {
    // Once its stream is closed, an HTTP/2 response has none.
    const stream = response.stream as ServerHttp2Stream | undefined;
    return !stream || stream.destroyed || stream.closed;
  }
  return response.destroyed || response.closed || (connectionOf(response)?.destroyed ?? false);
}

/**
 * Calls `then` once: when the response is complete, or its client is gone; immediately if that is so already. No other event
 * is reliable. So whatever is held for a request MUST be released by this, and MUST NOT be acquired before it.
 */
export function whenClosed(response: RawResponse, then: () => void): void {
  if (isClosed(response)) then();
  else if (response instanceof Http2ServerResponse) whenStreamCloses(response.stream, then);
  // Node emits it once. `once` would keep its own bookkeeping as long as the connection.
  else if (response.socket) response.on('close', then);
  else whenQueuedCloses(response, then);
}

/** A reset closes a stream. After a reset with NO_ERROR it is destroyed only once everything before the reset is read. */
function whenStreamCloses(stream: ServerHttp2Stream, then: () => void): void {
  const close = () => {
    stream.off('aborted', close).off('close', close);
    then();
  };
  stream.on('aborted', close).on('close', close);
}

/**
 * A pipelined response that waits for the one before it on its connection (RFC 9112, section 9.3.2) has no socket. If it never
 * gets one, Node emits no event when it ends.
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
  // A pipelined response without a socket would only be marked as destroyed.
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
