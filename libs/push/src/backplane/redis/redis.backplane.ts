import type { Health } from '../../contracts/backplane.js';
import { DurableBackplane, type LogParts } from '../kit/durable.backplane.js';
import type { LogNode } from '../kit/log-node.js';
import { EvictionPolicy } from './eviction-policy.js';
import { Keys } from './keys.js';
import { RedisAppender } from './redis-appender.js';
import { RedisHistory } from './redis-history.js';
import { RedisLink } from './redis-link.js';
import { RedisLog } from './redis-log.js';
import { RedisOneTimeStore } from './redis-one-time-store.js';
import { RedisReader } from './redis-reader.js';
import { RedisSignals } from './redis-signals.js';
import { RedisTombstones } from './redis-tombstones.js';
import { checkRedisOptions, type RedisBackplaneOptions } from './redis.options.js';

/**
 * The log in Redis (6.2 or later). See docs/backplanes.md for what it promises with which persistence.
 *
 * It opens three connections, and `close` closes them: one writes, one waits for new events, one listens to Pub/Sub. A
 * client that is passed in the options is neither used nor closed.
 */
export class RedisBackplane extends DurableBackplane {
  override readonly keepsState = true;
  override readonly keepsEnds = true;
  private policy?: EvictionPolicy;

  /** @throws PushError `INVALID_OPTION` */
  constructor(private readonly options: RedisBackplaneOptions = {}) {
    super('Redis', options);
    checkRedisOptions(options);
  }

  protected connect(node: LogNode): LogParts {
    const { options } = this;
    const keys = new Keys(options.prefix ?? 'push');
    const writing = new RedisLink(node, options, 'publishing');
    const reading = new RedisLink(node, options, 'reading');
    const listening = new RedisLink(node, options, 'listening');
    const log = new RedisLog(writing, keys);
    const signals = new RedisSignals(node, writing, listening, keys);
    this.policy = new EvictionPolicy(writing, keys, node.outage);
    return {
      log,
      signals,
      appender: new RedisAppender(node, log, writing, keys, options),
      reader: new RedisReader(node, log, reading, keys),
      history: new RedisHistory(writing, log, keys, node.retention),
      oneTimeStore: new RedisOneTimeStore(writing, keys),
      loops: [signals.run(), new RedisTombstones(node, log, writing, keys).run()],
    };
  }

  protected override opened(): void {
    // It logs what it finds.
    this.policy?.check().catch((error: unknown) => this.outage.note(String(error)));
  }

  /**
   * As `DurableBackplane.health`. The detail also says if the server may drop keys of the log; the node is ready
   * nevertheless.
   */
  override async health(): Promise<Health> {
    const [health, problem] = await Promise.all([super.health(), this.policy?.check()]);
    return problem ? { ...health, detail: `${health.detail} ${problem}` } : health;
  }
}

/** For `PushModule.forRoot({ backplane: redisBackplane({ url }) })`. It connects when the module starts it. */
export function redisBackplane(options: RedisBackplaneOptions = {}): RedisBackplane {
  return new RedisBackplane(options);
}
