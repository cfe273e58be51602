import type { RedisOptions } from 'ioredis';
import {
  callable,
  checkedElsewhere,
  checkOptions,
  number,
  refuse,
  text,
  type Checks,
} from '../../contracts/option-checks.js';
import { waitChecks, type WaitLimits } from '../kit/append-queue.js';
import type { RedisClient } from './script.js';

/** What `redisBackplane()` takes. Everything has a default; say where Redis is with `url`, `client` or `connect`. */
export interface RedisBackplaneOptions extends WaitLimits {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. Default: `redis://127.0.0.1:6379`. */
  readonly url?: string;
  /** More about the connections to `url`: credentials, TLS, Sentinel, as ioredis takes them. */
  readonly options?: RedisOptions;
  /**
   * An ioredis client (`Redis`, with Sentinel too, or `Cluster`) to take the settings from, instead of `url`: the
   * backplane opens connections of its own with `client.duplicate()`. Yours is neither used nor closed.
   */
  readonly client?: RedisClient;
  /**
   * Makes each of the backplane's three connections, instead of `url`. The backplane closes what this returns, and switches
   * its `autoResubscribe` off: it subscribes again itself.
   */
  readonly connect?: () => RedisClient;
  /** What all keys begin with, in braces: one log for each. Default: `push`. */
  readonly prefix?: string;
  /**
   * How many of the newest events are in the feed that every node tails. A node that is away for longer continues after the
   * gap, and its clients read what they missed from the history. Default: 50,000.
   */
  readonly feedLength?: number;
  /** How many topics are remembered; of the longest quiet ones the history goes first. Default: 1,000,000. */
  readonly maxTopics?: number;
  /** How long a `messageId` is remembered, in milliseconds. Default: 3,600,000 (one hour). */
  readonly rememberMessageIds?: number;
}

const checks: Checks<RedisBackplaneOptions> = {
  ...waitChecks,
  url: text,
  // ioredis looks at what is its own.
  options: checkedElsewhere,
  client: (value, name) => {
    const isClient = typeof (value as Partial<RedisClient> | null | undefined)?.duplicate === 'function';
    if (value !== undefined && !isClient)
      refuse(name, value, 'an ioredis client: new Redis(…) or new Cluster(…)');
  },
  connect: callable('a function that returns an ioredis client'),
  prefix: (value, name) => {
    const isPrefix = typeof value === 'string' && /^[^{}]+$/.test(value);
    if (value !== undefined && !isPrefix) refuse(name, value, 'a string without braces that is not empty');
  },
  feedLength: number({ least: 1, of: 'events' }),
  maxTopics: number({ least: 1, of: 'topics' }),
  rememberMessageIds: number({ least: 1, of: 'milliseconds' }),
};

/** @throws PushError `INVALID_OPTION` */
export function checkRedisOptions(options: RedisBackplaneOptions): void {
  checkOptions(options, checks);
}
