import type { Socket } from 'node:net';
import type { ClientConnection, DisconnectReason } from '../lifecycle/client-connection.js';
import type { Reception } from '../lifecycle/reception.js';
import type { Beating, TimerWheel } from '../timer-wheel.js';
import { sseOpening } from '../../wire/sse.codec.js';
import { destroyResponse, tcpSocketOf, type RawResponse } from './raw-response.js';

/** What SSE clients are served with. */
export interface SseDesk {
  readonly reception: Reception;
  readonly wheel: TimerWheel;
  /** The form of heartbeats; see `SseOptions.heartbeat`. */
  readonly heartbeat: 'comment' | 'event';
}

/** The client of an open SSE response, as far as it is the same for direct and for piped streams. */
export abstract class SseClient implements ClientConnection, Beating {
  readonly transport = 'sse';
  reason: DisconnectReason = 'client';

  /** @param end ends the response in Nest's way, which leads to `close` */
  constructor(
    readonly id: string,
    protected readonly response: RawResponse,
    protected readonly desk: SseDesk,
    private readonly end: () => void,
  ) {
    desk.reception.arrived(this);
  }

  get socket(): Socket | undefined {
    return tcpSocketOf(this.response);
  }

  abstract beat(): void;

  /** Sends a whole block. */
  protected abstract send(block: Buffer): boolean;

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
    if (this.response.headersSent) this.send(lastWord);
    this.end();
  }
}
