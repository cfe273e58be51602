import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { backoffDelay, within } from '../kit/backoff.js';
import type { Outage } from '../kit/outage.js';
import type { RedisBackplaneOptions } from './redis.options.js';
import type { RedisClient } from './script.js';

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
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  enableOfflineQueue: false,
  connectTimeout: patience,
  disconnectTimeout: 100,
  retryStrategy: backoffDelay,
  reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN|UNBLOCKED)/.test(error.message),
} satisfies RedisOptions & { disconnectTimeout: number };

/** How much later than that it may be noticed, in milliseconds. */
const lateness = 250;

/** A command that is on its way. */
interface Running {
  readonly reject: (error: Error) => void;
  /** How long it may take. */
  readonly milliseconds: number;
  /** When it is late, on the monotonic clock. */
  readonly until: number;
}

/** One connection to Redis that is watched: whatever does not answer is cut off, and connected anew. */
export class RedisLink {
  private client!: RedisClient;
  /** Commands that are on their way. ioredis does not answer for them when their connection is lost. */
  private readonly running = new Set<Running>();
  /** Callers that wait for a connection. */
  private readonly waiting = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;
  /** What the client said last of the connection. */
  private broken: unknown;
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
    signal.addEventListener('abort', this.close, { once: true });
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
    if (!this.isReady) await this.untilReady();
    if (this.signal.aborted) throw new Error('closed');
    return new Promise<T>((resolve, reject) => {
      const milliseconds = patience + longest;
      const running = { reject, milliseconds, until: performance.now() + milliseconds };
      this.running.add(running);
      // One timer for all of them: there is a command for each turn in which something is published.
      this.timer ??= setInterval(this.dropLate, lateness).unref();
      command(this.client)
        .then(resolve, reject)
        .finally(() => this.running.delete(running));
    });
  }

  /** Something that this connection is for did not work. */
  failed(error: unknown): void {
    // Without a connection, the reason for that says more than what every command then fails with.
    if (!this.signal.aborted) this.outage.failed(this.part, (!this.isReady && this.broken) || error);
  }

  /** It did. */
  worked(): void {
    this.outage.worked(this.part);
  }

  /** Drops the connection and makes a new one. */
  readonly reset = (): void => {
    if (!this.signal.aborted) this.client.disconnect(true);
  };

  /** Resolves when there is a new connection, and after so many milliseconds in any case. */
  untilAnew(milliseconds: number): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.waiting.add(done);
    });
  }

  private async untilReady(): Promise<void> {
    if (this.signal.aborted) return;
    let ready!: () => void;
    const isReady = new Promise<void>((resolve) => this.waiting.add((ready = resolve)));
    await within(patience, isReady, this.reset).finally(() => this.waiting.delete(ready));
  }

  private readonly close = (): void => {
    this.client.disconnect();
    // Nobody waits for a connection that will not come.
    this.waiting.forEach((resolve) => resolve());
  };

  /** Drops the connection where a command takes too long. */
  private readonly dropLate = (): void => {
    const now = performance.now();
    const late = [...this.running].filter(({ until }) => until <= now);
    if (late.length > 0) this.reset();
    for (const running of late) {
      this.running.delete(running);
      running.reject(new Error(`no answer within ${running.milliseconds} ms`));
    }
    if (this.running.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  };

  private open(): void {
    const client = connectionOf(this.options);
    this.client = client;
    // If such a connection is lost before the answer, the client rejects a promise that nobody has.
    if (!client.isCluster) (client as Redis).options.autoResubscribe = false;
    client.on('error', (error) => {
      this.broken = error;
      this.failed(error);
    });
    client.on('message', (channel: string, message: string) => this.receive?.(channel, message));
    client.on('ready', () => {
      this.broken = undefined;
      this.attempts = 0;
      this.waiting.forEach((resolve) => resolve());
    });
    client.on('close', () => {
      for (const { reject } of this.running) reject(new Error('the connection was lost'));
      this.running.clear();
    });
    // A connection that somebody else made may stop trying.
    client.on('end', () => {
      if (!this.signal.aborted)
        setTimeout(() => this.signal.aborted || this.open(), backoffDelay(++this.attempts));
    });
    if (client.status === 'wait') client.connect().catch((error: unknown) => this.failed(error));
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
