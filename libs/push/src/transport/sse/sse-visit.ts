import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Session } from '../../access/session.js';
import type { Principal } from '../../contracts/principal.js';
import { connectionId } from '../../clients/connection-id.js';
import type { ClientConnection, DisconnectReason } from '../../clients/client-connection.js';
import type { Reception } from '../../clients/reception.js';
import {
  connectionOf,
  destroyResponse,
  http2SessionOf,
  whenClosed,
  type RawResponse,
} from '../../platform/raw-response.js';

/** What is sent to the client of a visit. */
interface VisitStream {
  drain(delay: number): void;
  close(): void;
}

/**
 * A client of an SSE route, from the moment its handler has run until its response is closed. It counts as a connection as
 * long: one that does not take its last bytes must not be forgotten, or it would keep the server from closing.
 */
export class SseVisit implements ClientConnection {
  readonly id = connectionId();
  readonly transport = 'sse';
  reason: DisconnectReason = 'client';
  /** The response is closed. */
  isOver = false;
  private stream: VisitStream | undefined;
  private delay: number | undefined;

  constructor(
    readonly response: RawResponse,
    readonly session: Session,
    private readonly reception: Reception,
  ) {
    // One listener for all, which holds nothing of what the handler and Nest have made: it lives as long as the client.
    whenClosed(response, () => this.end());
  }

  get principal(): Principal | undefined {
    return this.session.principal;
  }

  get socket(): Socket | undefined {
    return connectionOf(this.response);
  }

  get http2(): Http2Session | undefined {
    return http2SessionOf(this.response);
  }

  /** The stream has begun: it is what says goodbye. */
  begin(stream: VisitStream): void {
    this.stream = stream;
    if (this.delay !== undefined) setImmediate(() => stream.drain(this.delay!));
  }

  drain(delay: number): void {
    this.reason = 'drain';
    this.delay = delay;
    this.stream?.drain(delay);
  }

  destroy(): void {
    destroyResponse(this.response);
  }

  /** It is not let in. Its answer may have to wait for others on its connection, and holds nothing meanwhile. */
  refuse(reason: DisconnectReason): void {
    this.reason = reason;
    this.end();
  }

  private end(): void {
    this.isOver = true;
    this.session.close();
    this.reception.left(this);
    this.stream?.close();
  }
}
