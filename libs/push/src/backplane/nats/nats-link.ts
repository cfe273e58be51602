import { connect, type NatsConnection } from '@nats-io/transport-node';
import { backoff, backoffDelay, within } from '../backoff.js';
import type { Outage } from '../outage.js';
import type { NatsBackplaneOptions } from './nats.options.js';

/** A server that takes longer than this to answer is taken for dead, and its connection for broken, in milliseconds. */
export const patience = 4_000;

/** The connection to NATS, which is made again whenever it ends, and says when it is up. */
export class NatsLink {
  private connection: NatsConnection | undefined;
  private attempts = 0;
  private waiting: (() => void)[] = [];

  /** @param onConnection is called with each connection that is made, once; it survives reconnects */
  constructor(
    private readonly options: NatsBackplaneOptions,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
    private readonly onConnection: (connection: NatsConnection) => void,
  ) {}

  /** The connection, if it is up at the moment. */
  current: NatsConnection | undefined;
  /** Called when it goes down. */
  onDown: (() => void) | undefined;

  /** The connection, as soon as it is up. Rejects if that takes too long. */
  async up(): Promise<NatsConnection> {
    if (!this.current) {
      const isUp = new Promise<void>((resolve) => this.waiting.push(resolve));
      await within(patience, isUp, () => undefined);
    }
    if (!this.current) throw new Error('not connected');
    return this.current;
  }

  /** Drops the connection, which does not answer, and makes a new one. */
  reset(): void {
    void this.connection?.reconnect().catch(() => undefined);
  }

  /** Connects, again and again, until the signal ends it. */
  async run(): Promise<void> {
    const close = () => {
      this.release();
      void this.connection?.close();
    };
    this.signal.addEventListener('abort', close, { once: true });
    for (let attempt = 1; !this.signal.aborted; attempt++) {
      try {
        this.connection = await this.connect();
        attempt = 0;
        if (!this.signal.aborted) await this.follow(this.connection);
        else await this.connection.close();
      } catch (error) {
        this.outage.failed('a connection', error);
      }
      this.current = undefined;
      this.onDown?.();
      await backoff(attempt + 1, this.signal);
    }
  }

  private connect(): Promise<NatsConnection> {
    if (this.options.connect) return this.options.connect();
    return connect({
      servers: this.options.servers ?? 'nats://127.0.0.1:4222',
      pingInterval: 2_000,
      maxPingOut: 2,
      timeout: patience,
      ...this.options.connection,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => backoffDelay(++this.attempts),
    });
  }

  /** Follows what happens to a connection until it is closed. */
  private async follow(connection: NatsConnection): Promise<void> {
    this.onConnection(connection);
    this.rise(connection);
    for await (const status of connection.status()) {
      if (status.type === 'reconnect') this.rise(connection);
      else if (status.type === 'disconnect') {
        this.current = undefined;
        this.onDown?.();
        this.outage.failed('a connection', new Error(`disconnected from ${status.server}`));
      } else if (status.type === 'error') this.outage.note(`NATS says: ${status.error.message}`);
    }
    const error = await connection.closed();
    if (!this.signal.aborted) throw error ?? new Error('the connection was closed');
  }

  private rise(connection: NatsConnection): void {
    this.current = connection;
    this.attempts = 0;
    this.outage.worked('a connection');
    this.release();
  }

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((resolve) => resolve());
  }
}
