import type { Gatekeeper } from '../../access/gatekeeper.js';
import type { Session, SessionClient } from '../../access/session.js';
import type { ErrorReporter } from '../../bus/error-reporter.js';
import { explain } from '../../bus/failure.js';
import type { PushError } from '../../contracts/errors.js';
import type { Principal } from '../../contracts/principal.js';
import type { Hub } from '../../hub/hub.js';
import type { MessageLimits } from '../../clients/message-client.js';
import type { DisconnectReason } from '../../clients/client-connection.js';
import type { Reception } from '../../clients/reception.js';
import type { Beating, TimerWheel } from '../../clients/timer-wheel.js';
import { sseError, sseOpening } from '../../wire/sse.codec.js';
import type { RawResponse } from '../../platform/raw-response.js';
import type { SseVisit } from './sse-visit.js';

/** What SSE clients are served with. */
export interface SseDesk {
  readonly hub: Hub;
  readonly reception: Reception;
  readonly wheel: TimerWheel;
  readonly gatekeeper: Gatekeeper;
  /** The form of heartbeats; see `SseOptions.heartbeat`. */
  readonly heartbeat: 'comment' | 'event';
  /** For clients that speak in messages. */
  readonly limits: MessageLimits;
  readonly errors: ErrorReporter;
}

/** The stream of an SSE client, as far as it is the same for direct and for piped ones. */
export abstract class SseClient implements SessionClient, Beating {
  readonly transport = 'sse';
  private hasEnded = false;
  protected readonly response: RawResponse;

  /** @param end ends the response */
  constructor(
    private readonly visit: SseVisit,
    protected readonly desk: SseDesk,
    private readonly end: () => void,
  ) {
    this.response = visit.response;
    visit.begin(this);
  }

  /** Whether it has had its last word, or has left. */
  protected get isOver(): boolean {
    return this.visit.isOver || this.hasEnded;
  }

  get id(): string {
    return this.visit.id;
  }

  get session(): Session {
    return this.visit.session;
  }

  get principal(): Principal | undefined {
    return this.visit.principal;
  }

  /** Why it ends, or would end if it ended now. */
  protected get reason(): DisconnectReason {
    return this.visit.reason;
  }

  /** What it reads; unknown where events go through the application's pipe. */
  abstract readonly topics: readonly string[] | undefined;

  abstract beat(): void;

  /** Sends a whole block. */
  protected abstract sendBlock(block: Buffer): boolean;

  fail(error: PushError): void {
    this.finish('error', sseError(error));
  }

  /** Serving it has failed: no status can say that any more. */
  protected broke(thrown: unknown): void {
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.desk.errors.report(thrown, { stage: 'stream', connection: this.id });
    this.fail(error);
  }

  /** Tells the client to come back in `delay` milliseconds. */
  drain(delay: number): void {
    this.finish('drain', sseOpening(delay));
  }

  /** The stream is over. Idempotent. */
  close(): void {
    this.desk.wheel.remove(this);
  }

  /** Ends the response at once: nobody takes a last word. */
  protected drop(reason: DisconnectReason): void {
    this.hasEnded = true;
    this.visit.reason = reason;
    this.visit.destroy();
  }

  /** Says a last word and ends the response. Nothing follows the first one. */
  protected finish(reason: DisconnectReason, lastWord: Buffer): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.visit.reason = reason;
    if (this.response.headersSent) this.sendBlock(lastWord);
    this.end();
    this.close();
  }
}
