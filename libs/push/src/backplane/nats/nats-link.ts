import { connect, type NatsConnection } from '@nats-io/transport-node';
import { backoff, within } from '../kit/backoff.js';
import type { Outage } from '../kit/outage.js';
import type { NatsBackplaneOptions } from './nats.options.js';

/** A server that takes longer than this to answer is taken for dead, and its connection for broken, in milliseconds. */
export const patience = 4_000;

/** The connection to NATS, which is made again whenever it ends, and says when it is up. */
export class NatsLink {
  private connection: NatsConnection | undefined;
  private waiting: (() => void)[] = [];
  private readonly whenDown = new Set<() => void>();

  /** @param onConnection is called with each connection that is made, once; it survives reconnects */
  constructor(
    private readonly options: NatsBackplaneOptions,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
    private readonly onConnection: (connection: NatsConnection) => void,
  ) {}

  /** The connection, if it is up at the moment. */
  current: NatsConnection | undefined;
  /** How often the connection has been made. */
  generation = 0;

  /** The connection, as soon as it is up. Rejects if that takes too long. */
  async up(): Promise<NatsConnection> {
    if (!this.current) {
      const isUp = new Promise<void>((resolve) => this.waiting.push(resolve));
      await within(patience, isUp, () => undefined);
    }
    if (!this.current) throw new Error('not connected');
    return this.current;
  }

  /** The result of `work`, or a rejection as soon as the connection is lost: the client would wait for answers. */
  unlessDown<T>(work: Promise<T>): Promise<T> {
    let lose!: () => void;
    return new Promise<T>((resolve, reject) => {
      lose = () => reject(new Error('the connection was lost'));
      this.whenDown.add(lose);
      work.then(resolve, reject);
    }).finally(() => this.whenDown.delete(lose));
  }

  /** Drops the connection, which does not answer, and makes a new one. */
  reset(): void {
    this.connection?.reconnect().catch(() => undefined);
  }

  /** Connects, again and again, until the signal ends it. */
  async run(): Promise<void> {
    const close = () => {
      this.release();
      this.connection?.close().catch(() => undefined);
    };
    this.signal.addEventListener('abort', close, { once: true });
    for (let attempt = 1; !this.signal.aborted; attempt++) {
      try {
        this.connection = await this.connect();
        attempt = 0;
        if (!this.signal.aborted) await this.follow(this.connection);
        else await this.connection.close();
      } catch (error) {
        this.outage.failed('connection', error);
      }
      this.sink();
      await backoff(attempt + 1, this.signal);
    }
  }

  private connect(): Promise<NatsConnection> {
    if (this.options.connect) return this.options.connect();
    return connect({
      servers: this.options.servers ?? 'nats://127.0.0.1:4222',
      noAsyncTraces: true,
      pingInterval: 2_000,
      maxPingOut: 2,
      timeout: patience,
      ...this.options.connection,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => 200 + Math.random() * 300,
    });
  }

  /** Follows what happens to a connection until it is closed. */
  private async follow(connection: NatsConnection): Promise<void> {
    this.onConnection(connection);
    this.rise(connection);
    for await (const status of connection.status()) {
      if (status.type === 'reconnect') this.rise(connection);
      else if (status.type === 'disconnect') {
        this.sink();
        this.outage.failed('connection', new Error(`disconnected from ${status.server}`));
      } else if (status.type === 'error') this.outage.note(`NATS says: ${status.error.message}`);
    }
    const error = await connection.closed();
    if (!this.signal.aborted) throw error ?? new Error('the connection was closed');
  }

  private rise(connection: NatsConnection): void {
    this.current = connection;
    this.generation++;
    this.outage.worked('connection');
    this.release();
  }

  private sink(): void {
    this.current = undefined;
    this.whenDown.forEach((lose) => lose());
  }

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((resolve) => resolve());
  }
}
