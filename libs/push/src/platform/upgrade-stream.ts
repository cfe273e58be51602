import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { OutgoingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import { parseAnswer } from './upgrade-answer.js';

type Callback = (error?: Error | null) => void;

/** What an upgrade listener may write before its answer has a complete head, in bytes. */
const maxHeadBytes = 16 * 1024;
const noBytes = Buffer.alloc(0);
const endOfHead = '\r\n\r\n';

/**
 * The stream of an extended CONNECT (RFC 8441), as a socket for those who serve upgrades of HTTP/1.1: what they answer is
 * sent as HTTP/2, a `101` as the `200` that it stands for; every byte after that goes through as it is. Like a socket it
 * holds back what the client does not take, and reads nothing that nobody wants: that is the flow control of this stream
 * alone. The end of the stream is the end of a TCP connection, and a reset of it is a reset.
 */
export class UpgradeStream extends Duplex {
  readonly encrypted: boolean;
  readonly remoteAddress: string | undefined;
  readonly remoteFamily: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  bytesWritten = 0;
  /** The head of the answer, as far as it is there; `undefined` once it is sent. */
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
    // Node reports a reset as an error too; a stream always says that it is over, as a socket would.
    stream.on('error', () => undefined);
    stream.once('close', () => this.destroy());
    // A reset with NO_ERROR closes a stream, and destroys it only once everything that came before is read.
    stream.once('aborted', () => this.destroy());
  }

  /** The socket of `stream`; `undefined` if the client is gone already, which Node tells in a later turn than the request. */
  static of(stream: ServerHttp2Stream): UpgradeStream | undefined {
    const { session } = stream;
    if (!session || session.destroyed || stream.destroyed || stream.closed) return undefined;
    return new UpgradeStream(stream, session);
  }

  /** The session that carries it; `undefined` once that has ended. */
  get session(): Http2Session | undefined {
    return this.stream.session;
  }

  /** It has no timeout of its own, and those of the connection are not its to set. */
  setTimeout(): this {
    return this;
  }

  /** The connection is shared: it stays as it is. */
  setNoDelay(): this {
    return this;
  }

  /** The connection is shared: it stays as it is. */
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
    // Who ends it without an answer has hung up.
    if (this.head) this.destroy();
    else this.stream.end(() => callback());
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { stream } = this;
    // A reset is CANCEL (RFC 8441, section 5). After the last byte of an answer it only says: send no more.
    const code = this.writableFinished && !this.head ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL;
    if (!stream.closed && !(this.writableFinished && this.readableEnded)) stream.close(code);
    // Nobody reads on, and what is not read would keep the stream.
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

  /** Done when the client's flow control has let it through. That it failed is told by the stream's "close". */
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
    // What was written is no answer: the client learns whose fault it is.
    if (this.respond(() => ({ ':status': 502 }), true)) this.stream.close(constants.NGHTTP2_NO_ERROR);
    this.destroy();
    return noBytes;
  }

  /**
   * Returns whether the head was sent. It is not if the stream is closed, which Node may not have told yet: an error from
   * here would end the process of a listener that expects none from its socket.
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
