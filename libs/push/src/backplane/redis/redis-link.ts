import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { backoffDelay, within } from '../../contracts/backoff.js';
import type { LogNode } from '../kit/log-node.js';
import { takeLateErrors } from './late-errors.js';
import type { RedisBackplaneOptions } from './redis.options.js';
import type { RedisClient } from './script.js';

/** How long the server may take to answer, in milliseconds. After that its connection counts as broken. */
export const patience = 4_000;

/**
 * Settings that the backplane's promises need. It retries by itself, because a command that the client repeats could be
 * executed twice. It never stops to reconnect, and it leaves a server that became a replica.
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

/** How often the link looks for commands that take too long, in milliseconds. */
const checkInterval = 250;

/** A command that is on its way. */
interface Running {
  readonly reject: (error: Error) => void;
  /** How long it may take. */
  readonly milliseconds: number;
  /** When it has taken too long, on the monotonic clock. */
  readonly until: number;
}

/** One connection to Redis. If a command is not answered in time, the link drops the connection and makes a new one. */
export class RedisLink {
  private client!: RedisClient;
  /** Commands that are on their way. ioredis does not settle them when their connection is lost. */
  private readonly running = new Set<Running>();
  /** Callers that wait for a connection. */
  private readonly waiting = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;
  /** Why there is no connection, if the client said so. */
  private broken: unknown;
  private receive: ((channel: string, message: string) => void) | undefined;
  private attempts = 0;

  /** @param part what the connection is for, in reports of outages */
  constructor(
    private readonly node: Pick<LogNode, 'outage' | 'signal'>,
    private readonly options: RedisBackplaneOptions,
    private readonly part: string,
  ) {
    this.open();
    node.signal.addEventListener('abort', this.close, { once: true });
  }

  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  /** Calls `receive` for what is published to channels that this connection subscribed to. */
  onMessage(receive: (channel: string, message: string) => void): void {
    this.receive = receive;
  }

  /**
   * Runs a command as soon as there is a connection. It rejects if the command fails, if it is not answered, or if the
   * connection is lost. The server may have executed the command nevertheless.
   *
   * @param longest how long the command takes on a server that works, in milliseconds, if it blocks
   */
  async run<T>(command: (client: RedisClient) => Promise<T>, longest = 0): Promise<T> {
    try {
      if (!this.isReady) await this.untilReady();
      if (this.node.signal.aborted) throw new Error('closed');
      return await this.send(command, longest);
    } catch (error) {
      throw this.causeOf(error);
    }
  }

  private send<T>(command: (client: RedisClient) => Promise<T>, longest: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const milliseconds = patience + longest;
      const running = { reject, milliseconds, until: performance.now() + milliseconds };
      this.running.add(running);
      // One timer for all of them: there is a command for each turn in which something is published.
      this.timer ??= setInterval(this.dropLate, checkInterval).unref();
      command(this.client)
        .then(resolve, reject)
        .finally(() => this.running.delete(running));
    });
  }

  /** Reports that what this connection is for did not work. */
  failed(error: unknown): void {
    if (!this.node.signal.aborted) this.node.outage.failed(this.part, this.causeOf(error));
  }

  /** Reports that it worked. */
  worked(): void {
    this.node.outage.worked(this.part);
  }

  /** Drops the connection and makes a new one. */
  readonly reset = (): void => {
    if (!this.node.signal.aborted) this.client.disconnect(true);
  };

  /** Resolves when there is a new connection, at the latest after `milliseconds`. */
  untilReconnected(milliseconds: number): Promise<void> {
    if (this.node.signal.aborted) return Promise.resolve();
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

  /** Without a connection, the reason for that says more than the error of a command. */
  private causeOf(error: unknown): unknown {
    return (!this.isReady && this.broken) || error;
  }

  private async untilReady(): Promise<void> {
    if (this.node.signal.aborted) return;
    let ready!: () => void;
    const isReady = new Promise<void>((resolve) => this.waiting.add((ready = resolve)));
    await within(patience, isReady, this.reset).finally(() => this.waiting.delete(ready));
  }

  private readonly close = (): void => {
    this.client.disconnect();
    // There will be no connection to wait for.
    this.waiting.forEach((resolve) => resolve());
  };

  /** Drops the connection if a command takes too long. */
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
    // With it, a connection that is lost before the answer leaves an unhandled rejection in the client.
    if (!client.isCluster) (client as Redis).options.autoResubscribe = false;
    takeLateErrors(client);
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
    // A client that the application made may stop to reconnect.
    client.on('end', () => {
      if (!this.node.signal.aborted)
        setTimeout(() => this.node.signal.aborted || this.open(), backoffDelay(++this.attempts));
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
