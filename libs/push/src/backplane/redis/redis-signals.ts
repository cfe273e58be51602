import type { Tail } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import { backoff } from '../kit/backoff.js';
import { readBody, writeBody } from '../kit/event-body.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { publishScript } from './log-scripts.js';

/** How often a node checks that it still hears what is published, in milliseconds. */
const checkInterval = 3_000;

/** How many messages may be on their way to the server. */
const maxSending = 10_000;

/**
 * What is not stored, by Pub/Sub: ephemeral events ("e topic", then the body) and control messages ("c" and the message).
 * Each node also has a channel of its own, to hear itself: a subscription can be deaf without knowing.
 */
export class RedisSignals {
  private sending = 0;
  private heard: (() => void) | undefined;
  private readonly own: string;
  private subscribed!: () => void;
  /** Resolves when this node hears what is published, for the first time. */
  readonly listening = new Promise<void>((resolve) => (this.subscribed = resolve));
  /** Whether the node has been told of the log: nothing may come before that. */
  isOpen = false;

  constructor(
    private readonly publisher: RedisLink,
    private readonly subscriber: RedisLink,
    private readonly keys: Keys,
    node: string,
    private readonly tail: Tail,
    private readonly signal: AbortSignal,
  ) {
    this.own = `${keys.channel}:${node}`;
    subscriber.onMessage((channel, message) => {
      if (channel === this.own) this.heard?.();
      else if (this.isOpen) this.receive(message);
    });
  }

  /** Listens until the signal ends it. */
  async run(): Promise<void> {
    for (let attempt = 1; !this.signal.aborted; attempt++) {
      try {
        // Again each time: a connection that was made anew hears nothing.
        await this.subscriber.run((client) => client.subscribe(this.keys.channel, this.own));
        this.subscriber.worked();
        this.subscribed();
        await this.hearSelf();
        attempt = 0;
        await this.subscriber.untilAnew(checkInterval);
      } catch (error) {
        this.subscriber.failed(error);
        await backoff(attempt, this.signal);
      }
    }
  }

  sendEphemeral(draft: Draft): Promise<void> {
    return this.send(`e${draft.topic}\n${writeBody(draft)}`);
  }

  control(message: string): Promise<void> {
    return this.send(`c${message}`);
  }

  private async hearSelf(): Promise<void> {
    // As a command of the subscriber: its connection is dropped when that takes too long, and it ends with its connection.
    const heard = this.subscriber.run(() => new Promise<void>((resolve) => (this.heard = resolve)));
    await Promise.all([heard, this.publish(this.own, '')]);
  }

  private async send(message: string): Promise<void> {
    if (!this.publisher.isReady || this.sending >= maxSending) {
      const why = this.publisher.isReady ? `${maxSending} messages wait already` : 'Redis cannot be reached';
      throw new PushError('UNAVAILABLE', `Not sent: ${why}. Send it again if it still matters.`);
    }
    this.sending++;
    try {
      await this.publish(this.keys.channel, message);
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
    // In a cluster the client would take any node, and refuse while it connects to that one. A key names one that it knows.
    return publisher.run<unknown>((client) =>
      client.isCluster
        ? publishScript.run(client, [keys.log], [channel, message])
        : client.publish(channel, message),
    );
  }

  private receive(message: string): void {
    if (message.startsWith('c')) {
      this.tail.control(message.slice(1));
      return;
    }
    const end = message.indexOf('\n');
    this.tail.deliverEphemeral(readBody('', 0, message.slice(1, end), message.slice(end + 1)));
  }
}
