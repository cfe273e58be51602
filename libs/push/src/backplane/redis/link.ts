import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { backoffDelay } from '../backoff.js';
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
  private client!: RedisClient;
  /** Commands that are on their way, and callers that wait for a connection: what to call when there is none. */
  private readonly running = new Set<(error: Error) => void>();
  private readonly waiting = new Set<() => void>();
  private receive: ((channel: string, message: string) => void) | undefined;
  private attempts = 0;

  constructor(
    private readonly options: RedisBackplaneOptions,
    /** What the connection is for. */
    private readonly part: string,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
  ) {
    this.open();
    signal.addEventListener('abort', () => this.client.disconnect(), { once: true });
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  /** Calls `receive` for what is published to channels that this connection subscribed to. */
  onMessage(receive: (channel: string, message: string) => void): void {
    this.receive = receive;
  }

  /**
   * Runs a command as soon as there is a connection. Rejects when it fails, is not answered, or the connection is lost: it
   * may then have been done nevertheless.
   *
   * @param longest how long the command itself may take, in milliseconds, on a server that is well
   */
  async run<T>(command: (client: RedisClient) => Promise<T>, longest = 0): Promise<T> {
    if (!this.isReady) {
      await this.watched<void>(patience, (resolve) => {
        this.waiting.add(resolve);
        return () => this.waiting.delete(resolve);
      });
    }
    return this.watched<T>(longest + patience, (resolve, reject) => {
      // ioredis does not answer for commands that were on their way when their connection was lost.
      this.running.add(reject);
      command(this.client).then(resolve, reject);
      return () => this.running.delete(reject);
    });
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

  /** Calls `begin`, and drops the connection when what it began takes too long. `begin` returns how to clean up. */
  private watched<T>(
    milliseconds: number,
    begin: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
  ): Promise<T> {
    if (this.signal.aborted) return Promise.reject(new Error('closed'));
    let timer: NodeJS.Timeout;
    let end: () => void = () => undefined;
    return new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => {
        this.reset();
        reject(new Error(`no answer within ${milliseconds} ms`));
      }, milliseconds);
      end = begin(resolve, reject);
    }).finally(() => {
      clearTimeout(timer);
      end();
    });
  }

  private open(): void {
    const client = connectionOf(this.options);
    this.client = client;
    const failed = (error: unknown) => this.failed(error);
    client.on('error', failed);
    client.on('message', (channel: string, message: string) => this.receive?.(channel, message));
    client.on('ready', () => {
      this.attempts = 0;
      this.waiting.forEach((resolve) => resolve());
    });
    client.on('close', () => this.running.forEach((reject) => reject(new Error('the connection was lost'))));
    // A connection that somebody else made may stop trying.
    client.on('end', () => {
      if (this.signal.aborted) this.waiting.forEach((resolve) => resolve());
      else setTimeout(() => this.signal.aborted || this.open(), backoffDelay(++this.attempts));
    });
    if (client.status === 'wait') client.connect().catch(failed);
  }
}

function connectionOf({ url, options, client, connect }: RedisBackplaneOptions): RedisClient {
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
