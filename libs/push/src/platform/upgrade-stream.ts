import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { OutgoingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import { parseAnswer } from './upgrade-answer.js';

type Callback = (error?: Error | null) => void;

/** The longest head of an answer, in bytes. */
const maxHeadBytes = 16 * 1024;
const noBytes = Buffer.alloc(0);
const endOfHead = '\r\n\r\n';

/**
 * The stream of an extended CONNECT (RFC 8441), as a socket for listeners of HTTP/1.1 upgrades. The head of their answer is
 * sent as HTTP/2, with a `200` for a `101`; all bytes after the head are passed on unchanged. Backpressure works in both
 * directions, by the flow control of this stream alone. The end of the stream looks like the end of a TCP connection, and a reset
 * of the stream like a reset.
 */
export class UpgradeStream extends Duplex {
  readonly encrypted: boolean;
  readonly remoteAddress: string | undefined;
  readonly remoteFamily: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  bytesWritten = 0;
  /** The part of the answer's head that was written so far; `undefined` once the head is sent. */
  private head: Buffer | undefined = noBytes;

  private constructor(
    private readonly stream: ServerHttp2Stream,
    session: Http2Session,
  ) {
    super({ emitClose: true });
    const { encrypted = false, socket } = session;
    this.encrypted = encrypted;
    this.remoteAddress = socket.remoteAddress;
    this.remoteFamily = socket.remoteFamily;
    this.remotePort = socket.remotePort;
    this.localAddress = socket.localAddress;
    this.localPort = socket.localPort;
    stream.pause();
    stream.on('data', this.receive);
    stream.once('end', this.receiveEnd);
    // Node reports a reset as an error too. "close" always follows, as for a socket.
    stream.on('error', () => undefined);
    stream.once('close', () => this.destroy());
    // After a reset with NO_ERROR the stream is destroyed only once everything before the reset is read.
    stream.once('aborted', () => this.destroy());
  }

  /** The socket of `stream`; `undefined` if the client is gone already, which Node may report later than the request. */
  static of(stream: ServerHttp2Stream): UpgradeStream | undefined {
    const { session } = stream;
    if (!session || session.destroyed || stream.destroyed || stream.closed) return undefined;
    return new UpgradeStream(stream, session);
  }

  /** The session that carries it; `undefined` once that has ended. */
  get session(): Http2Session | undefined {
    return this.stream.session;
  }

  /** Does nothing: the timeout belongs to the connection, which is shared. */
  setTimeout(): this {
    return this;
  }

  /** Does nothing: the connection is shared. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: the connection is shared. */
  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    this.stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.put(chunk, callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.put(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  override _final(callback: Callback): void {
    // An end without an answer is a hang-up.
    if (this.head) this.destroy();
    else this.stream.end(() => callback());
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { stream } = this;
    // A reset is CANCEL (RFC 8441, section 5). After a complete answer it only stops the client from sending.
    const code = this.writableFinished && !this.head ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL;
    if (!stream.closed && !(this.writableFinished && this.readableEnded)) stream.close(code);
    // Unread data would keep the stream.
    stream.off('data', this.receive);
    stream.off('end', this.receiveEnd);
    stream.resume();
    callback(error);
  }

  private readonly receive = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.stream.pause();
  };

  private readonly receiveEnd = (): void => {
    this.push(null);
  };

  /** Calls back when the client's flow control has taken the bytes. A failure is reported by the stream's "close". */
  private put(bytes: Buffer, callback: Callback): void {
    this.bytesWritten += bytes.length;
    const body = this.head ? this.answer(this.head, bytes) : bytes;
    if (body.length === 0) callback();
    else this.stream.write(body, () => callback());
  }

  /** Sends the head of the answer, once it is complete. Returns what comes after it. */
  private answer(begun: Buffer, more: Buffer): Buffer {
    const bytes = Buffer.concat([begun, more]);
    const end = bytes.indexOf(endOfHead);
    if (end < 0 && bytes.length <= maxHeadBytes) {
      this.head = bytes;
      return noBytes;
    }
    this.head = undefined;
    if (this.respond(() => parseAnswer(bytes.toString('latin1', 0, end)))) {
      return bytes.subarray(end + endOfHead.length);
    }
    // The answer has no valid head: the fault is the server's.
    if (this.respond(() => ({ ':status': 502 }), true)) this.stream.close(constants.NGHTTP2_NO_ERROR);
    this.destroy();
    return noBytes;
  }

  /**
   * Returns whether the head was sent. A stream may be closed before Node reports it. Then nothing is thrown, since upgrade
   * listeners expect no error from `write`, and the process would end.
   */
  private respond(head: () => OutgoingHttpHeaders, endStream = false): boolean {
    const { stream } = this;
    if (stream.destroyed || stream.closed || stream.headersSent) return false;
    try {
      stream.respond(head(), { endStream });
      return true;
    } catch {
      return false;
    }
  }
}
