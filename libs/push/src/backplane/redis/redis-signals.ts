import { PushError } from '../../contracts/errors.js';
import { backoff } from '../../contracts/backoff.js';
import type { LogNode } from '../kit/log-node.js';
import { Signals, type SignalKind } from '../kit/signals.js';
import type { Keys } from './keys.js';
import { publishScript } from './log-scripts.js';
import type { RedisLink } from './redis-link.js';

/** How often a node checks that it still receives what is published, in milliseconds. */
const checkInterval = 3_000;

/** How many messages may be on their way to the server. */
const maxSending = 10_000;

/** What a message on the channel begins with. */
const prefixes = { ephemeral: 'e', control: 'c' } as const;

/**
 * Signals by Pub/Sub. Each node also subscribes to a channel of its own and publishes to it, because a subscription can
 * stop to receive without an error.
 */
export class RedisSignals extends Signals {
  private sending = 0;
  private received: (() => void) | undefined;
  private readonly own: string;
  private subscribed!: () => void;
  private readonly isListening = new Promise<void>((resolve) => (this.subscribed = resolve));

  constructor(
    node: LogNode,
    private readonly publisher: RedisLink,
    private readonly subscriber: RedisLink,
    private readonly keys: Keys,
  ) {
    super(node);
    this.own = `${keys.channel}:${node.id}`;
    node.signal.addEventListener('abort', () => this.subscribed(), { once: true });
    subscriber.onMessage((channel, message) => {
      if (channel === this.own) this.received?.();
      else this.receive(message.startsWith(prefixes.control) ? 'control' : 'ephemeral', message.slice(1));
    });
  }

  listening(): Promise<void> {
    return this.isListening;
  }

  /** Subscribes, and checks the subscription, until the node's signal is aborted. */
  async run(): Promise<void> {
    const { signal } = this.node;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        // Each time, because a new connection has no subscriptions.
        await this.subscriber.run((client) => client.subscribe(this.keys.channel, this.own));
        this.subscriber.worked();
        this.subscribed();
        await this.check();
        attempt = 0;
        await this.subscriber.untilReconnected(checkInterval);
      } catch (error) {
        this.subscriber.failed(error);
        await backoff(attempt, signal);
      }
    }
  }

  /** Publishes to the node's own channel, and waits for the message. */
  private async check(): Promise<void> {
    // It counts as a command of the subscriber, so that its connection is dropped when the message does not come in time.
    const received = this.subscriber.run(() => new Promise<void>((resolve) => (this.received = resolve)));
    await Promise.all([received, this.publish(this.own, '')]);
  }

  protected async send(kind: SignalKind, message: string): Promise<void> {
    if (!this.publisher.isReady) throw this.notSent('Redis cannot be reached');
    if (this.sending >= maxSending) throw this.notSent(`${maxSending} messages wait already`);
    this.sending++;
    try {
      await this.publish(this.keys.channel, prefixes[kind] + message);
    } catch (cause) {
      throw new PushError('UNAVAILABLE', 'It is not known whether it was sent: Redis did not answer.', {
        cause,
      });
    } finally {
      this.sending--;
    }
  }

  private publish(channel: string, message: string): Promise<unknown> {
    const { publisher, keys } = this;
    // In a cluster the client would choose any node, and refuse while it connects to it. A key names a node that it knows.
    return publisher.run<unknown>((client) =>
      client.isCluster
        ? publishScript.run(client, [keys.log], [channel, message])
        : client.publish(channel, message),
    );
  }
}
