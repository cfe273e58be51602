import { Inject, Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { PushError } from '../contracts/errors.js';
import { pushSettings } from '../contracts/settings.js';
import { HttpSockets } from '../platform/http-sockets.js';
import { Http2Sessions } from '../platform/http2-sessions.js';
import { Clients } from './clients.js';
import { LogGate } from './log-gate.js';

/** The settings that say how the node shuts down. */
interface ShutdownSettings {
  /** For how many milliseconds the node goes on after `ready` has turned false. */
  readonly shutdownDelay: number;
  /** Within how many milliseconds after that everyone has to be gone. */
  readonly shutdownTimeout: number;
  /** Around how many milliseconds clients are told to wait before they come back. */
  readonly retry: number;
}

/** Clients are told to come back in so many steps, within half of the time. */
const pause = 20;
const smallestBatch = 50;

/**
 * How long a client may take to leave once all are told, in milliseconds. One that does not answer the close of its
 * WebSocket, or does not read its last bytes, resumes where it was; meanwhile the others wait for the next node.
 */
const timeToLeave = 1_000;

/**
 * Begin and end of serving clients. The application's shutdown drains by itself; `drain()` does it by hand, for example
 * when a load balancer is told first.
 */
@Injectable()
export class PushLifecycle {
  private readonly logger = new Logger('Push');
  private draining: Promise<void> | undefined;
  private readonly hurry = new AbortController();

  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(HttpSockets) private readonly sockets: HttpSockets,
    @Inject(Http2Sessions) private readonly sessions: Http2Sessions,
    @Inject(LogGate) private readonly log: LogGate,
    @Inject(pushSettings) private readonly settings: ShutdownSettings,
  ) {}

  /**
   * Whether new clients are served, for a load balancer: `true` once the node has reached its log, `false` as soon as draining
   * has begun. That the backplane is away later changes nothing: the node keeps its clients, and they their places.
   */
  get ready(): boolean {
    return this.log.isOpen && !this.isDraining;
  }

  /** Whether the node is on its way out: newcomers are told to come back, until it ends. */
  get isDraining(): boolean {
    return this.draining !== undefined;
  }

  /** Milliseconds that a client should wait before it comes back: around the configured, different for each. */
  get comeBackIn(): number {
    return Math.round(this.settings.retry * (0.5 + Math.random()));
  }

  /** @throws PushError `CLOSED` with what to do, once draining has begun */
  assertOpen(): void {
    if (this.isDraining) throw closing();
  }

  /**
   * Refuses new clients from now on. After `shutdownDelay`, in which a balancer may notice that, tells the connected ones to
   * come back (spread over half of `shutdownTimeout`, each with a delay of its own), and waits until they are gone; those
   * that are not in time are cut off. Events still reach whoever is connected. Resolves when nobody is, and the disconnect
   * hooks have finished, or time is up. Idempotent.
   */
  drain(): Promise<void> {
    return (this.draining ??= this.run());
  }

  /** Cuts everyone off now: drain resolves at once. */
  abort(): void {
    this.hurry.abort();
  }

  private async run(): Promise<void> {
    const { shutdownDelay, shutdownTimeout } = this.settings;
    this.sockets.close();
    this.log.refuse(closing());
    if (shutdownDelay > 0) await this.within(performance.now() + shutdownDelay, new Promise(() => undefined));
    const deadline = performance.now() + shutdownTimeout;
    const count = this.clients.size;
    if (count > 0) this.logger.log(`Draining ${count} connections.`);
    await this.sendAway(shutdownTimeout / 2);
    this.sessions.close();
    const patience = Math.min(deadline, performance.now() + timeToLeave);
    await this.within(patience, Promise.all([this.clients.whenEmpty(), this.sessions.whenEmpty()]));
    const rest = this.clients.all();
    if (rest.length > 0)
      this.logger.warn(`Cutting off ${rest.length} connections that did not leave in time.`);
    rest.forEach((connection) => connection.destroy());
    this.sessions.destroy();
    await this.within(deadline, this.clients.seenOff());
    this.sockets.closeIdle();
  }

  private async sendAway(milliseconds: number): Promise<void> {
    const leaving = this.clients.all();
    const steps = Math.max(1, Math.floor(milliseconds / pause));
    const batch = Math.max(smallestBatch, Math.ceil(leaving.length / steps));
    for (let next = 0; next < leaving.length && !this.hurry.signal.aborted; next += batch) {
      if (next > 0) await sleep(pause);
      for (const connection of leaving.slice(next, next + batch)) connection.drain(this.comeBackIn);
    }
  }

  private async within(deadline: number, done: Promise<unknown>): Promise<void> {
    const late = new AbortController();
    const signal = AbortSignal.any([late.signal, this.hurry.signal]);
    const time = sleep(Math.max(0, deadline - performance.now()), undefined, { signal }).catch(
      () => undefined,
    );
    await Promise.race([done, time]);
    late.abort();
  }
}

function closing(): PushError {
  return new PushError('CLOSED', 'The server is shutting down; come back.');
}
