import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { PushError } from '../contracts/errors.js';

/**
 * Where the bytes for one client go: a response body, a WebSocket, a stream of HTTP/2. A transport makes one, and hands it
 * to the Door. None of the methods may throw, whatever state the connection is in.
 */
export interface Outlet {
  /** The TCP connection, where it is this client's alone and only the kernel can tell whether the client is still there. */
  readonly socket?: Socket;
  /** The HTTP/2 session that carries the client, among others. */
  readonly http2?: Http2Session;
  /**
   * Takes whole blocks of the client's dialect, always; after the end it drops them. Returns `false` when the bytes now wait
   * in this process: it MUST then call the `onDrain` listener, or close, eventually.
   */
  write(bytes: Buffer): boolean;
  /** Whether bytes wait in this process. */
  readonly isFull: boolean;
  /** Sets the listener for: there is room again. */
  onDrain(listener: () => void): void;
  /** Adds a listener for: the client is gone. It MUST be called once, at once if that is so already. */
  onClosed(listener: () => void): void;
  /** Runs `run`; what it writes leaves in one system call. */
  together(run: () => void): void;
  /**
   * Asks the client whether it is there. Returns `false` if it has not answered the question before. Missing where the
   * transport has no way to ask.
   */
  probe?(): boolean;
  /** Ends the connection once the client has what was written. @param error why; `undefined` when the node shuts down */
  end(error?: PushError): void;
  /** Ends the connection at once, whatever is still to be written. */
  destroy(): void;
}
