import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { PushError } from '../../contracts/errors.js';
import type { ClientConnections } from './client-connections.js';
import type { Hooks } from './hooks.js';
import type { HttpSockets } from './http-sockets.js';
import type { Http2Sessions } from './http2-sessions.js';

/** How the node says goodbye. */
export interface LifecycleSettings {
  /** Within how many milliseconds everyone has to be gone. */
  readonly shutdownTimeout: number;
  /** Around how many milliseconds clients are told to wait before they come back. */
  readonly retry: number;
}

/** Clients are told to come back in so many steps, within half of the time. */
const pause = 20;
const smallestBatch = 50;

/**
 * Begin and end of serving clients. The application's shutdown drains by itself; `drain()` does it by hand, for example
 * when a load balancer is told first.
 */
export class PushLifecycle {
  private readonly logger = new Logger('Push');
  private draining: Promise<void> | undefined;
  private readonly hurry = new AbortController();

  constructor(
    private readonly connections: ClientConnections,
    private readonly sockets: HttpSockets,
    private readonly sessions: Http2Sessions,
    private readonly hooks: Hooks,
    private readonly settings: LifecycleSettings,
  ) {}

  /** Whether new clients are let in: `false` as soon as draining has begun. */
  get ready(): boolean {
    return this.draining === undefined;
  }

  /** Milliseconds that a client should wait before it comes back: around the configured, different for each. */
  get comeBackIn(): number {
    return Math.round(this.settings.retry * (0.5 + Math.random()));
  }

  /** @throws PushError `CLOSED` with what to do, once draining has begun */
  assertReady(): void {
    if (!this.ready) throw new PushError('CLOSED', 'The server is shutting down; come back.');
  }

  /**
   * Refuses new clients, tells the connected ones to come back (spread over half of `shutdownTimeout`, each with a delay
   * of its own), and waits until they are gone; those that are not in time are cut off. Events still reach whoever is
   * connected. Resolves when nobody is, and the disconnect hooks have finished, or time is up. Idempotent.
   */
  drain(): Promise<void> {
    return (this.draining ??= this.run());
  }

  /** Cuts everyone off now: drain resolves at once. */
  abort(): void {
    this.hurry.abort();
  }

  private async run(): Promise<void> {
    const { shutdownTimeout } = this.settings;
    const deadline = performance.now() + shutdownTimeout;
    const count = this.connections.size;
    this.sockets.close();
    if (count > 0) this.logger.log(`Draining ${count} connections.`);
    await this.sendAway(shutdownTimeout / 2);
    this.sessions.close();
    await this.within(deadline, Promise.all([this.connections.whenEmpty(), this.sessions.whenEmpty()]));
    const rest = this.connections.all();
    if (rest.length > 0)
      this.logger.warn(`Cutting off ${rest.length} connections that did not leave in time.`);
    rest.forEach((connection) => connection.destroy());
    this.sessions.destroy();
    await this.within(deadline, this.hooks.settled());
    this.sockets.closeIdle();
  }

  private async sendAway(milliseconds: number): Promise<void> {
    const leaving = this.connections.all();
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
