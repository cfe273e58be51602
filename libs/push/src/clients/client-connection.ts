import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TransportName } from '../contracts/connection.js';
import type { Principal } from '../contracts/principal.js';

/** Why a connection ended: the client left, did not answer, was told to come back elsewhere, or was refused more. */
export type DisconnectReason = 'client' | 'timeout' | 'drain' | 'error' | 'end';

/** A client's connection, as the life cycle sees it. None of the methods may throw. */
export interface ClientConnection {
  readonly id: string;
  readonly transport: TransportName;
  /** Whose it is; `undefined` if nobody knows. */
  readonly principal: Principal | undefined;
  /** Why it ended, or would end if it ended now. */
  reason: DisconnectReason;
  /** The TCP connection that is this client's alone, where only the kernel can tell whether the client is still there. */
  readonly socket?: Socket;
  /** The HTTP/2 session that carries it, among others. */
  readonly http2?: Http2Session;
  /** Tells the client to come back in `delay` milliseconds, and ends the connection cleanly. */
  drain(delay: number): void;
  /** Ends the connection at once, whatever is still to be sent. */
  destroy(): void;
}
