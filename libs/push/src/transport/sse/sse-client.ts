import type { Socket } from 'node:net';
import type { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session, SessionClient } from '../../access/session.js';
import type { ErrorReporter } from '../../bus/error-reporter.js';
import type { PushError } from '../../contracts/errors.js';
import type { Principal } from '../../contracts/principal.js';
import type { Hub } from '../../hub/hub.js';
import type { MessageLimits } from '../message-client.js';
import type { ClientConnection, DisconnectReason } from '../lifecycle/client-connection.js';
import type { Reception } from '../lifecycle/reception.js';
import type { Beating, TimerWheel } from '../timer-wheel.js';
import { sseError, sseOpening } from '../../wire/sse.codec.js';
import { destroyResponse, tcpSocketOf, type RawResponse } from './raw-response.js';
import type { SseRouteRequest } from './sse.options.js';

/** A client whose stream is about to begin. */
export interface SseVisit {
  readonly id: string;
  readonly response: RawResponse;
  readonly session: Session;
}

/** What SSE clients are served with. */
export interface SseDesk {
  readonly hub: Hub;
  readonly reception: Reception;
  readonly wheel: TimerWheel;
  readonly gatekeeper: Gatekeeper;
  /** Whose an application's own stream is; see `SseOptions.principal`. */
  readonly principalOf: (request: SseRouteRequest) => Principal | undefined;
  /** The form of heartbeats; see `SseOptions.heartbeat`. */
  readonly heartbeat: 'comment' | 'event';
  /** For clients that speak in messages. */
  readonly limits: MessageLimits;
  readonly errors: ErrorReporter;
}

/** The client of an open SSE response, as far as it is the same for direct and for piped streams. */
export abstract class SseClient implements ClientConnection, SessionClient, Beating {
  readonly id: string;
  readonly transport = 'sse';
  reason: DisconnectReason = 'client';
  protected readonly response: RawResponse;
  readonly session: Session;

  /** @param end ends the response */
  constructor(
    { id, response, session }: SseVisit,
    protected readonly desk: SseDesk,
    private readonly end: () => void,
  ) {
    this.id = id;
    this.response = response;
    this.session = session;
    desk.reception.arrived(this);
  }

  get socket(): Socket | undefined {
    return tcpSocketOf(this.response);
  }

  get principal(): Principal | undefined {
    return this.session.principal;
  }

  /** What it reads; unknown where events go through the application's pipe. */
  abstract readonly topics: readonly string[] | undefined;

  abstract beat(): void;

  /** Sends a whole block. */
  protected abstract sendBlock(block: Buffer): boolean;

  fail(error: PushError): void {
    this.finish('error', sseError(error));
  }

  drain(delay: number): void {
    this.finish('drain', sseOpening(delay));
  }

  destroy(): void {
    destroyResponse(this.response);
  }

  /**
   * The client, or the stream, is gone. A stream that the server ended counts as a connection until its last bytes have
   * left: a client that does not take them must not be forgotten, or it would keep the server from closing. Idempotent.
   */
  close(): void {
    this.desk.wheel.remove(this);
    if (this.reason === 'client' || this.response.destroyed) this.gone();
    else this.response.once('close', this.gone);
  }

  private readonly gone = (): void => this.desk.reception.left(this);

  /** Says a last word and ends the response. */
  protected finish(reason: DisconnectReason, lastWord: Buffer): void {
    this.reason = reason;
    if (this.response.headersSent) this.sendBlock(lastWord);
    this.end();
    this.close();
  }
}
