import { Inject, Injectable } from '@nestjs/common';
import { Authentication } from '../access/authentication.js';
import { ErrorReporter } from '../bus/error-reporter.js';
import { Backplane } from '../contracts/backplane.js';
import { Hub } from '../hub/hub.js';
import { LogGate } from './log-gate.js';
import { TurnQueue } from './turn-queue.js';

/** Where clients wait. */
@Injectable()
export class ClientQueues {
  constructor(
    @Inject(LogGate) readonly log: LogGate,
    @Inject(TurnQueue) readonly turns: TurnQueue,
  ) {}
}

/** What can be read of a node: by `nestjs-push/opentelemetry`, whenever metrics are collected. */
@Injectable()
export class Readings {
  constructor(
    @Inject(Hub) readonly hub: Hub,
    @Inject(Backplane) readonly backplane: Backplane,
    @Inject(ErrorReporter) private readonly reporter: ErrorReporter,
    @Inject(Authentication) private readonly authentication: Authentication,
    @Inject(ClientQueues) private readonly queues: ClientQueues,
  ) {}

  /** Errors that were reported, by stage. */
  get errors(): ReadonlyMap<string, number> {
    return this.reporter.counts;
  }

  /** Clients that are being authenticated, or wait for the log. */
  get handshakes(): number {
    return this.authentication.pending + this.queues.log.size;
  }

  /** Clients and messages that wait for their turn. */
  get turns(): number {
    return this.queues.turns.size;
  }
}
