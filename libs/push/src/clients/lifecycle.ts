import { Inject, Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import { HttpSockets } from '../platform/http-sockets.js';
import { Http2Sessions } from '../platform/http2-sessions.js';
import { Clients } from './clients.js';
import { LogGate } from './log-gate.js';

/** The settings of the shutdown. */
interface ShutdownSettings {
  /** How long the node goes on after `ready` has turned false, in milliseconds. */
  readonly shutdownDelay: number;
  /** How long clients then have to leave, in milliseconds. */
  readonly shutdownTimeout: number;
  /** How long clients should wait before they reconnect, on average, in milliseconds. */
  readonly retry: number;
}

/** Clients are told to reconnect in batches, with this pause between two batches, in milliseconds. */
const batchInterval = 20;
const smallestBatch = 50;

/**
 * How long clients may take to leave once all are told, in milliseconds. A client that does not answer the close frame of its
 * WebSocket, or does not read its last bytes, must not delay the next node for the others. It resumes where it was.
 */
const closeTimeout = 1_000;

/**
 * Tells whether the node serves clients, and drains it. The application's shutdown drains by itself. Call `drain()` to do it
 * earlier, for example before you tell a load balancer.
 */
@Injectable()
export class PushLifecycle {
  private readonly logger = new Logger('Push');
  private draining: Promise<void> | undefined;
  private readonly aborter = new AbortController();

  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(HttpSockets) private readonly sockets: HttpSockets,
    @Inject(Http2Sessions) private readonly sessions: Http2Sessions,
    @Inject(LogGate) private readonly log: LogGate,
    @Inject(pushSettings) private readonly settings: ShutdownSettings,
  ) {}

  /**
   * Whether the node serves new clients; for the health check of a load balancer. It is `true` once the node has reached its
   * log, and `false` as soon as draining begins. If the backplane fails later it stays `true`: the node keeps its clients, and
   * they keep their positions.
   */
  get ready(): boolean {
    return this.log.isOpen && !this.isDraining;
  }

  /** Whether the node is draining: it tells new clients to come back later. */
  get isDraining(): boolean {
    return this.draining !== undefined;
  }

  /** How long a client should wait before it comes back, in milliseconds: `retry`, with a random spread for each client. */
  get comeBackIn(): number {
    return Math.round(this.settings.retry * (0.5 + Math.random()));
  }

  /** @throws PushError `CLOSED` once draining has begun */
  assertOpen(): void {
    if (this.isDraining) throw closing();
  }

  /**
   * Refuses new clients from now on. It waits for `shutdownDelay`, so that a load balancer can notice. Then it tells connected
   * clients to come back, spread over half of `shutdownTimeout` and each with a delay of its own, and cuts off those that do
   * not leave in time. Connected clients still get events. Resolves when all clients are gone and the disconnect hooks have
   * finished, or when the time is up. Idempotent.
   */
  drain(): Promise<void> {
    return (this.draining ??= this.run());
  }

  /** Cuts all clients off now, so that `drain` resolves at once. */
  abort(): void {
    this.aborter.abort();
  }

  private async run(): Promise<void> {
    const { shutdownDelay, shutdownTimeout } = this.settings;
    this.sockets.close();
    this.log.refuse(closing());
    if (shutdownDelay > 0) await this.within(performance.now() + shutdownDelay, new Promise(() => undefined));
    const deadline = performance.now() + shutdownTimeout;
    const count = this.clients.size;
    if (count > 0) this.logger.log(`Draining ${count} connections.`);
    await this.drainClients(shutdownTimeout / 2);
    this.sessions.close();
    const closeDeadline = Math.min(deadline, performance.now() + closeTimeout);
    await this.within(closeDeadline, Promise.all([this.clients.whenEmpty(), this.sessions.whenEmpty()]));
    const remaining = this.clients.all();
    if (remaining.length > 0)
      this.logger.warn(`Cutting off ${remaining.length} connections that did not leave in time.`);
    remaining.forEach((connection) => connection.destroy());
    this.sessions.destroy();
    await this.within(deadline, this.clients.hooksSettled());
    this.sockets.closeIdle();
  }

  private async drainClients(milliseconds: number): Promise<void> {
    const leaving = this.clients.all();
    const steps = Math.max(1, Math.floor(milliseconds / batchInterval));
    const batch = Math.max(smallestBatch, Math.ceil(leaving.length / steps));
    for (let next = 0; next < leaving.length && !this.aborter.signal.aborted; next += batch) {
      if (next > 0) await sleep(batchInterval);
      for (const connection of leaving.slice(next, next + batch)) connection.drain(this.comeBackIn);
    }
  }

  private async within(deadline: number, done: Promise<unknown>): Promise<void> {
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, this.aborter.signal]);
    const time = sleep(Math.max(0, deadline - performance.now()), undefined, { signal }).catch(
      () => undefined,
    );
    await Promise.race([done, time]);
    settled.abort();
  }
}

function closing(): PushError {
  return new PushError('CLOSED', 'The server is shutting down; come back.');
}
