import { randomUUID } from 'node:crypto';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Session } from '../../access/session.js';
import type { Principal } from '../../contracts/principal.js';
import type { ClientConnection, DisconnectReason } from '../lifecycle/client-connection.js';
import { destroyResponse, http2SessionOf, tcpSocketOf, type RawResponse } from './raw-response.js';

/**
 * A client of an SSE route, from the moment its handler has run until its response is closed. It counts as a connection as
 * long: one that does not take its last bytes must not be forgotten, or it would keep the server from closing.
 */
export class SseVisit implements ClientConnection {
  readonly id = randomUUID();
  readonly transport = 'sse';
  reason: DisconnectReason = 'client';
  private stream: { drain(delay: number): void } | undefined;
  private delay: number | undefined;

  constructor(
    readonly response: RawResponse,
    readonly session: Session,
  ) {}

  get principal(): Principal | undefined {
    return this.session.principal;
  }

  get socket(): Socket | undefined {
    return tcpSocketOf(this.response);
  }

  get http2(): Http2Session | undefined {
    return http2SessionOf(this.response);
  }

  /** The stream has begun: it is what says goodbye. */
  begin(stream: { drain(delay: number): void }): void {
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
}
