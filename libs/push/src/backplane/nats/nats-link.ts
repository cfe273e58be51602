import { connect, type NatsConnection } from '@nats-io/transport-node';
import { backoff, within } from '../../contracts/backoff.js';
import type { LogNode } from '../kit/log-node.js';
import type { NatsBackplaneOptions } from './nats.options.js';

/** How long the server may take to answer, in milliseconds. After that its connection counts as broken. */
export const patience = 4_000;

/** The connection to NATS. It is made again whenever it ends. */
export class NatsLink {
  private connection: NatsConnection | undefined;
  private waiting: (() => void)[] = [];
  private readonly onDown = new Set<() => void>();

  /** The connection, if it is up at the moment. */
  current: NatsConnection | undefined;
  /** How often the connection has come up. */
  generation = 0;
  /** Called with each new connection, before it counts as up. Its subscriptions survive when it reconnects. */
  onConnection: (connection: NatsConnection) => void = () => undefined;

  constructor(
    private readonly node: Pick<LogNode, 'outage' | 'signal'>,
    private readonly options: NatsBackplaneOptions,
  ) {}

  /** Resolves with the connection as soon as it is up; rejects if that takes too long. */
  async up(): Promise<NatsConnection> {
    if (!this.current) {
      const comesUp = new Promise<void>((resolve) => this.waiting.push(resolve));
      await within(patience, comesUp, () => undefined);
    }
    if (!this.current) throw new Error('not connected');
    return this.current;
  }

  /** Resolves as `work` does, or rejects when the connection is lost: the client itself would wait for the answer. */
  unlessDown<T>(work: Promise<T>): Promise<T> {
    let lose!: () => void;
    return new Promise<T>((resolve, reject) => {
      lose = () => reject(new Error('the connection was lost'));
      this.onDown.add(lose);
      work.then(resolve, reject);
    }).finally(() => this.onDown.delete(lose));
  }

  /** Drops the connection, because it does not answer, and makes a new one. */
  reset(): void {
    this.connection?.reconnect().catch(() => undefined);
  }

  /** Connects whenever there is no connection, until the node's signal is aborted. */
  async run(): Promise<void> {
    const { outage, signal } = this.node;
    const close = () => {
      this.release();
      this.connection?.close().catch(() => undefined);
    };
    signal.addEventListener('abort', close, { once: true });
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        this.connection = await this.connect();
        attempt = 0;
        if (!signal.aborted) await this.follow(this.connection);
        else await this.connection.close();
      } catch (error) {
        outage.failed('connection', error);
      }
      this.wentDown();
      await backoff(attempt + 1, signal);
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
    this.cameUp(connection);
    for await (const status of connection.status()) {
      if (status.type === 'reconnect') this.cameUp(connection);
      else if (status.type === 'disconnect') {
        this.wentDown();
        this.node.outage.failed('connection', new Error(`disconnected from ${status.server}`));
      } else if (status.type === 'error') this.node.outage.note(`NATS says: ${status.error.message}`);
    }
    const error = await connection.closed();
    if (!this.node.signal.aborted) throw error ?? new Error('the connection was closed');
  }

  private cameUp(connection: NatsConnection): void {
    this.current = connection;
    this.generation++;
    this.node.outage.worked('connection');
    this.release();
  }

  private wentDown(): void {
    this.current = undefined;
    this.onDown.forEach((lose) => lose());
  }

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    waiting.forEach((resolve) => resolve());
  }
}
