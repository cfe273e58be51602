import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  Backplane,
  type Health,
  type History,
  type OneTimeStore,
  type Tail,
} from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { AppendQueue } from '../kit/append-queue.js';
import { DeliveryProbe } from '../kit/delivery-probe.js';
import { Outage } from '../kit/outage.js';
import { EvictionPolicy } from './eviction-policy.js';
import { Keys } from './keys.js';
import { RedisLink } from './redis-link.js';
import { RedisAppender } from './redis-appender.js';
import { RedisHistory } from './redis-history.js';
import { RedisLog } from './redis-log.js';
import { RedisOneTimeStore } from './redis-one-time-store.js';
import { RedisReader } from './redis-reader.js';
import { RedisSignals } from './redis-signals.js';
import { checkRedisOptions, type RedisBackplaneOptions } from './redis.options.js';

/** How long a shutdown waits for events that are still to be stored, in milliseconds. */
const closePatience = 2_000;

/**
 * The log in Redis (6.2 or later). See docs/backplanes.md for what it promises with which persistence.
 *
 * It opens three connections, and closes them with `close`: one writes, one waits for new events, one listens to
 * Pub/Sub. A client that was passed in its options is neither used nor closed.
 */
export class RedisBackplane extends Backplane {
  override history?: History;
  override oneTimeStore?: OneTimeStore;
  private readonly node = token();
  private readonly closing = new AbortController();
  private readonly outage = new Outage('RedisBackplane', 'Redis');
  private readonly keys: Keys;
  private readonly queue: AppendQueue;
  private readonly probe: DeliveryProbe;
  private log?: RedisLog;
  private appender?: RedisAppender;
  private reader?: RedisReader;
  private signals?: RedisSignals;
  private policy?: EvictionPolicy;
  private loops: Promise<unknown> = Promise.resolve();

  /** @throws PushError `INVALID_OPTION` */
  constructor(private readonly options: RedisBackplaneOptions = {}) {
    super();
    checkRedisOptions(options);
    this.keys = new Keys(options.prefix ?? 'push');
    this.queue = new AppendQueue(
      options,
      () => this.appender?.wake(),
      () => this.outage.reason,
    );
    this.probe = new DeliveryProbe(this.node, this.queue, this.outage);
  }

  start(tail: Tail, retention: RetentionRules): void {
    const { keys, outage, options } = this;
    const { signal } = this.closing;
    const writing = new RedisLink(options, 'publishing', outage, signal);
    const reading = new RedisLink(options, 'reading', outage, signal);
    const listening = new RedisLink(options, 'listening', outage, signal);
    const log = new RedisLog(writing, keys, token);
    this.log = log;
    this.policy = new EvictionPolicy(writing, keys, outage);
    this.history = new RedisHistory(writing, log, keys, retention);
    this.oneTimeStore = new RedisOneTimeStore(writing, keys);
    this.reader = new RedisReader(reading, log, keys, tail, this.probe, outage, signal);
    this.signals = new RedisSignals(writing, listening, keys, this.node, tail, signal);
    this.appender = new RedisAppender(writing, log, keys, this.node, this.queue, retention, options, signal);
    this.loops = Promise.all([this.signals.run(), this.join(this.reader, this.signals)]);
    if (this.queue.hasWaiting) this.appender.wake();
  }

  append(draft: Draft): Promise<Position> {
    return this.queue.add(draft);
  }

  sendEphemeral(draft: Draft): Promise<void> {
    return this.started(this.signals).sendEphemeral(draft);
  }

  control(message: string): Promise<void> {
    return this.started(this.signals).control(message);
  }

  override head(): Promise<Position> {
    return this.started(this.log).openAfresh();
  }

  /**
   * An empty event goes through the log and back. Checks that overlap share one. A server that evicts keys is named in the
   * detail; the node is ready nevertheless.
   */
  async health(): Promise<Health> {
    const [health, problem] = await Promise.all([this.probe.check(), this.policy?.check()]);
    return problem ? { ...health, detail: `${health.detail} ${problem}` } : health;
  }

  async close(): Promise<void> {
    if (!this.closing.signal.aborted) await this.queue.close(this.outage.reason ? 0 : closePatience);
    this.closing.abort();
    await this.loops;
  }

  /** A node is in the log only once it hears everything: it must not miss that a user's rights were revoked. */
  private async join(reader: RedisReader, signals: RedisSignals): Promise<void> {
    await Promise.race([signals.listening, once(this.closing.signal, 'abort')]);
    await reader.run(() => {
      if (signals.isOpen) return;
      signals.isOpen = true;
      // What it finds, it logs.
      this.policy?.check().catch((error: unknown) => this.outage.note(String(error)));
    });
  }

  private started<T>(part: T | undefined): T {
    if (part) return part;
    throw new PushError('UNAVAILABLE', 'The backplane has not been started: PushModule does that.');
  }
}

/** For `PushModule.forRoot({ backplane: redisBackplane({ url }) })`. It connects when the module starts it. */
export function redisBackplane(options: RedisBackplaneOptions = {}): RedisBackplane {
  return new RedisBackplane(options);
}

function token(): string {
  return randomBytes(6).toString('hex');
}
