import { randomBytes } from 'node:crypto';
import {
  Backplane,
  type BackplaneStats,
  type Health,
  type History,
  type OneTimeStore,
  type Tail,
} from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { AppendQueue, type WaitLimits } from './append-queue.js';
import type { Appender } from './appender.js';
import { DeliveryProbe } from './delivery-probe.js';
import type { LogNode } from './log-node.js';
import type { LogReader } from './log-reader.js';
import { Outage } from './outage.js';
import type { SharedLog } from './shared-log.js';
import type { Signals } from './signals.js';

/** How long `close` waits for events that are still to be stored, in milliseconds. */
const closePatience = 2_000;

/** What a durable backplane is made of. */
export interface LogParts {
  /** Looks at the log on the server, and creates it. */
  readonly log: SharedLog;
  /** Stores events. */
  readonly appender: Appender;
  /** Reads events. */
  readonly reader: LogReader;
  /** Sends what is not stored. */
  readonly signals: Signals;
  /** Capability: see `Backplane.history`. */
  readonly history?: History;
  /** Capability: see `Backplane.oneTimeStore`. */
  readonly oneTimeStore?: OneTimeStore;
  /** Other work that ends when the node's signal is aborted; `close` waits for it. They MUST NOT reject. */
  readonly loops?: readonly Promise<unknown>[];
}

/**
 * A backplane whose log is on a server, or elsewhere outside of this process. It has the queue, retries, health checks,
 * reports of outages and the shutdown. A subclass says how the log of one server is created, appended to and read.
 */
export abstract class DurableBackplane extends Backplane {
  override history?: History;
  override oneTimeStore?: OneTimeStore;
  /** Logs when the server goes away and comes back. */
  protected readonly outage: Outage;
  private readonly id = randomBytes(6).toString('hex');
  private readonly closing = new AbortController();
  private readonly queue: AppendQueue;
  private readonly probe: DeliveryProbe;
  private parts?: LogParts;
  private loops: Promise<unknown> = Promise.resolve();

  /**
   * @param server what the log is on, for messages: "Redis"
   * @param limits how long and how many events may wait while it is away
   */
  constructor(server: string, limits: WaitLimits) {
    super();
    this.outage = new Outage(new.target.name, server);
    this.queue = new AppendQueue(
      limits,
      () => this.parts?.appender.wake(),
      () => this.outage.reason,
    );
    this.probe = new DeliveryProbe(this.id, this.queue, this.outage);
  }

  /** Makes the parts. Called once, by `start`. It MUST NOT throw because the server is away. */
  protected abstract connect(node: LogNode): LogParts;

  /** Called once, when the tail has been told of the log for the first time. */
  protected opened(): void {}

  start(tail: Tail, retention: RetentionRules): void {
    const { id, queue, probe, outage } = this;
    const { signal } = this.closing;
    const parts = this.connect({ id, tail, retention, queue, probe, outage, signal });
    const { appender, reader, signals, loops = [] } = parts;
    this.parts = parts;
    this.history = parts.history;
    this.oneTimeStore = parts.oneTimeStore;
    const onOpen = () => {
      if (signals.isOpen) return;
      signals.isOpen = true;
      this.opened();
    };
    this.loops = Promise.all([...loops, reader.run(signals, onOpen)]);
    if (queue.hasWaiting) appender.wake();
  }

  append(draft: Draft): Promise<Position> {
    return this.queue.add(draft);
  }

  sendEphemeral(draft: Draft): Promise<void> {
    return this.parts ? this.parts.signals.sendEphemeral(draft) : Promise.reject(notStarted());
  }

  control(message: string): Promise<void> {
    return this.parts ? this.parts.signals.control(message) : Promise.reject(notStarted());
  }

  override head(): Promise<Position> {
    return this.parts ? this.parts.log.openAfresh() : Promise.reject(notStarted());
  }

  /** Sends an empty event through the log and waits until it comes back. Checks that overlap share one. */
  health(): Promise<Health> {
    return this.probe.check();
  }

  override stats(): BackplaneStats {
    return {
      waiting: this.queue.size,
      outages: this.outage.count,
      isAway: this.outage.reason !== undefined,
    };
  }

  async close(): Promise<void> {
    if (!this.closing.signal.aborted) await this.queue.close(this.outage.reason ? 0 : closePatience);
    this.closing.abort();
    await this.loops;
  }
}

function notStarted(): PushError {
  return new PushError('UNAVAILABLE', 'The backplane has not been started: PushModule does that.');
}
