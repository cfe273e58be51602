import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { backoffDelay, within } from '../backoff.js';
import type { Outage } from '../outage.js';
import type { RedisBackplaneOptions } from './redis.options.js';
import type { RedisClient } from './scripts.js';

/** A server that takes longer than this to answer is taken for dead, and its connection for broken, in milliseconds. */
export const patience = 4_000;

/**
 * Settings that the backplane's promises need: it retries by itself (a command that the client repeats could be done
 * twice), never stops trying, and leaves a server that became a replica.
 */
const settings = {
  lazyConnect: true,
  keyPrefix: '',
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: null,
  enableOfflineQueue: false,
  connectTimeout: patience,
  disconnectTimeout: 100,
  retryStrategy: backoffDelay,
  reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN|UNBLOCKED)/.test(error.message),
} satisfies RedisOptions & { disconnectTimeout: number };

/** One connection to Redis that is watched: whatever does not answer is cut off, and connected anew. */
export class Link {
  private readonly client: RedisClient;
  private becomingReady: Promise<void> | undefined;

  constructor(
    options: RedisBackplaneOptions,
    /** What the connection is for. */
    private readonly part: string,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
  ) {
    this.client = open(options);
    const failed = (error: unknown) => this.failed(error);
    this.client.on('error', failed);
    if (this.client.status === 'wait') this.client.connect().catch(failed);
    signal.addEventListener('abort', () => this.client.disconnect(), { once: true });
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  /** Calls `receive` for what is published to channels that this connection subscribed to. */
  onMessage(receive: (channel: string, message: string) => void): void {
    this.client.on('message', receive);
  }

  /**
   * Runs a command as soon as there is a connection. Rejects when it fails, or is not answered: it may then have been
   * done nevertheless.
   *
   * @param longest how long the command itself may take, in milliseconds, on a server that is well
   */
  async run<T>(command: (client: RedisClient) => Promise<T>, longest = 0): Promise<T> {
    if (!this.isReady) await within(patience, this.ready(), this.reset);
    return within(longest + patience, command(this.client), this.reset);
  }

  /** Something that this connection is for did not work. */
  failed(error: unknown): void {
    if (!this.signal.aborted) this.outage.failed(this.part, error);
  }

  /** It did. */
  worked(): void {
    this.outage.worked(this.part);
  }

  /** Drops the connection and makes a new one. */
  readonly reset = (): void => {
    if (!this.signal.aborted) this.client.disconnect(true);
  };

  private ready(): Promise<void> {
    this.becomingReady ??= new Promise<void>((resolve, reject) => {
      this.client.once('ready', resolve);
      this.signal.addEventListener('abort', () => reject(new Error('closed')), { once: true });
    }).finally(() => (this.becomingReady = undefined));
    return this.becomingReady;
  }
}

function open({ url, options, client, connect }: RedisBackplaneOptions): RedisClient {
  if (connect) return connect();
  if (client?.isCluster) {
    const cluster = client as Cluster;
    const { lazyConnect: _, ...ofNodes } = settings;
    return cluster.duplicate([], {
      lazyConnect: true,
      enableOfflineQueue: false,
      retryDelayOnFailover: 0,
      clusterRetryStrategy: backoffDelay,
      redisOptions: { ...cluster.options.redisOptions, ...ofNodes },
    });
  }
  if (client) return (client as Redis).duplicate(settings);
  return new Redis(url ?? 'redis://127.0.0.1:6379', { ...options, ...settings });
}
