import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { PushError } from '../contracts/errors.js';
import type { Batch, Bytes } from '../contracts/event.js';

/** A reader, by what it reads. */
export interface AudienceMember {
  /** Equal for readers with the same topics; `undefined` for one without topics. */
  readonly counted: string | undefined;
  readonly topics: readonly string[];
}

/**
 * Where the bytes for one client go: a response body, a WebSocket, a stream of HTTP/2. A transport makes one, and hands it
 * to the Door. None of the methods may throw, whatever state the connection is in.
 */
export interface Outlet {
  /** The TCP connection, if it serves this client alone and only the kernel can tell whether the client is still there. */
  readonly socket?: Socket;
  /** The HTTP/2 session that carries the client. It may carry others too. */
  readonly http2?: Http2Session;
  /**
   * Takes whole blocks of the client's dialect, always; after the end it drops them. Returns `false` when the bytes now wait
   * in this process: it MUST then call the `onDrain` listener, or close, eventually.
   *
   * @param batch what the bytes say, if they are events: an outlet that writes them in another form shares that among clients
   * @param member who gets it, if all readers of the same topics get the same batch
   */
  write(bytes: Bytes, batch?: Batch, member?: AudienceMember): boolean;
  /** Whether `write` takes bytes as text too. Default: `false`, only Buffers. */
  readonly takesText?: boolean;
  /** Whether bytes wait in this process. */
  readonly isFull: boolean;
  /** Sets the listener that is called when there is room again. */
  onDrain(listener: () => void): void;
  /** Adds a listener that is called when the client is gone. It MUST be called exactly once, at once if the client is gone already. */
  onClosed(listener: () => void): void;
  /** Calls `run`, and sends everything that it writes in one system call. */
  together(run: () => void): void;
  /**
   * Pings the client. Returns `false` if the client has not answered the previous ping. Leave it out if the transport has no
   * ping.
   */
  probe?(): boolean;
  /** Ends the connection once the client has everything that was written. @param error why; `undefined` if there is none: the client may come back */
  end(error?: PushError): void;
  /** Ends the connection at once. What is still unwritten is lost. */
  destroy(): void;
}
