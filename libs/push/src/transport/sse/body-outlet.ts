import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { AudienceMember, Outlet } from '../../clients/outlet.js';
import { bufferOf, type Batch, type Bytes } from '../../contracts/event.js';
import {
  bodyOf,
  connectionOf,
  destroyResponse,
  http2SessionOf,
  whenClosed,
  type BodySink,
  type RawResponse,
} from '../../platform/raw-response.js';
import { hasRoom, together } from '../../platform/together.js';
import type { GzipBody } from './gzip-body.js';

/** The body of a response. Nothing can be written to it before Nest has sent the headers. */
export class BodyOutlet implements Outlet {
  /** Whether each write has to be a chunk of a chunked body (RFC 9112, section 7.1). */
  isChunked = false;
  private sink: BodySink;
  private isWhole = false;
  private isDirect = false;
  private gzip: GzipBody | undefined;
  private endBody: () => void = () => undefined;
  private roomMade: () => void = () => undefined;

  constructor(private readonly response: RawResponse) {
    this.sink = response as unknown as BodySink;
  }

  get socket(): Socket | undefined {
    return connectionOf(this.response);
  }

  get http2(): Http2Session | undefined {
    return http2SessionOf(this.response);
  }

  /** Starts writing the body directly, at the lowest layer possible, bypassing Nest. @param end ends the response */
  open(end: () => void): void {
    const { sink, isChunked, isWhole, isDirect } = bodyOf(this.response);
    this.sink = sink;
    this.isWhole = isWhole;
    this.isChunked = isChunked;
    this.isDirect = isDirect;
    this.endBody = end;
  }

  /** From now on the body is compressed. Call it before anything is written. */
  compress(gzip: GzipBody): void {
    this.gzip = gzip;
    this.onClosed(() => gzip.close());
  }

  /** Leaves the events to Nest, which writes whole blocks. This outlet writes the rest. @param end ends the response */
  share(end: () => void): void {
    this.endBody = end;
  }

  get isFull(): boolean {
    return this.sink.writableNeedDrain;
  }

  /** A socket does. What is beneath any other body would make a Buffer of a text. */
  get takesText(): boolean {
    return this.isChunked && this.gzip === undefined;
  }

  write(bytes: Bytes, batch?: Batch, member?: AudienceMember): boolean {
    return this.send(this.gzip?.encode(bufferOf(bytes), batch, member) ?? bytes);
  }

  private send(bytes: Bytes): boolean {
    if (!this.isOpen) return true;
    const { sink } = this;
    const isBelowMark = sink.write(bytes, 'latin1');
    if (this.isDirect ? hasRoom(sink, isBelowMark) : isBelowMark) return true;
    sink.once('drain', this.drained);
    return false;
  }

  /** The application may have ended the body, and nothing may follow its end. If it is closed, `onClosed` reports that soon. */
  private get isOpen(): boolean {
    const { sink, response } = this;
    // With many clients, each object that is looked at is a read of memory that is in no cache.
    if (this.isWhole) return sink.writable;
    // The headers of a chunked body are sent.
    if (this.isChunked) return sink.writable && !response.writableEnded;
    return response.headersSent && !response.writableEnded && !sink.destroyed;
  }

  onDrain(listener: () => void): void {
    this.roomMade = listener;
  }

  onClosed(listener: () => void): void {
    // `whenClosed` shares one listener. It lives as long as the client, so it must not retain what the handler and Nest created.
    whenClosed(this.response, listener);
  }

  together(run: () => void): void {
    together(this.sink, run);
  }

  end(): void {
    if (this.gzip) this.send(this.gzip.end());
    this.endBody();
  }

  destroy(): void {
    destroyResponse(this.response);
  }

  private readonly drained = (): void => this.roomMade();
}
