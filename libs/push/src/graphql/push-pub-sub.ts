import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { PubSubEngine } from 'graphql-subscriptions';
import type { PubSubAsyncIterableIterator } from 'graphql-subscriptions/dist/pubsub-async-iterable-iterator.js';
import type { Subscription } from 'rxjs';
import type { PayloadOf, PushTopics } from '../bus/declared-topics.js';
import { EventBus } from '../bus/event-bus.js';
import type { PushEvent } from '../bus/handled-events.js';
import type { PublishOptions } from '../bus/publish.options.js';
import { assertExact } from '../bus/stream-reader.js';
import { PushError } from '../contracts/errors.js';
import { assertPattern } from '../contracts/topic.js';
import { Hub } from '../hub/hub.js';
import { EventIterator } from './event-iterator.js';
import { EventReader } from './event-reader.js';
import { startOf, type SubscriptionOptions } from './subscription.options.js';

/** An iterator as the engines of `graphql-subscriptions` return it: the name of a class there, used for its methods only. */
type Events<Event> = PubSubAsyncIterableIterator<Event>;

/**
 * The `PubSubEngine` of `graphql-subscriptions` over the {@link EventBus}: subscriptions of all nodes get what any of them publishes, and
 * resume after an event's id. A trigger is a topic, and what subscribers get is a {@link PushEvent}: `{ id, topic, type, data, meta }`.
 * Put it among the providers of your module.
 *
 * It is the server's own: nobody asks policies and rules about its topics. Who may subscribe is decided by the guards of the
 * resolver, or by the resolver.
 */
@Injectable()
export class PushPubSub<Topics = PushTopics> extends PubSubEngine implements BeforeApplicationShutdown {
  private readonly readers = new Set<EventReader>();
  private readonly subscriptions = new Map<number, Subscription>();
  private lastSubscription = 0;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {
    super();
  }

  /**
   * The id of the newest event that this node has; `undefined` until it has reached the log. A query that takes it before it loads
   * its answer tells the client where to subscribe: `after` that, nothing is missed between the two.
   */
  get position(): string | undefined {
    return this.hub.position;
  }

  /**
   * Publishes `payload` to everyone who may see the topic, as `EventBus.publish()` does.
   *
   * @throws PushError (the promise rejects) as `EventBus.publish()`; clients of a mutation find the code in `extensions.code`
   */
  async publish<const Topic extends string>(
    topic: Topic,
    payload: PayloadOf<Topics, Topic>,
    options?: PublishOptions,
  ): Promise<void> {
    await this.bus.publish(
      topic as string,
      payload,
      options as PublishOptions & { readonly ephemeral?: false },
    );
  }

  /**
   * Calls `onMessage` with the events of a topic or pattern from now on, as `EventBus.on()` does.
   *
   * @returns a number for `unsubscribe`
   * @throws PushError (the promise rejects) `INVALID_TOPIC`
   */
  async subscribe<const Pattern extends string>(
    pattern: Pattern,
    onMessage: (event: PushEvent<PayloadOf<Topics, Pattern>>) => unknown,
  ): Promise<number> {
    const subscription = this.bus.on(pattern as string).subscribe(onMessage as (event: PushEvent) => unknown);
    const id = ++this.lastSubscription;
    this.subscriptions.set(id, subscription);
    subscription.add(() => this.subscriptions.delete(id));
    return id;
  }

  /** Ends a subscription. A number that is not one of its is ignored. */
  unsubscribe(subscription: number): void {
    this.subscriptions.get(subscription)?.unsubscribe();
  }

  /**
   * The events of one or more topics, to return from a `@Subscription()` method. It reads the log with its first `next()`, as fast
   * as its events are asked for, and until `return()`; it is done when all of its topics have ended, which only finite topics do.
   *
   * A gap is a result with an error: see `GapExtensions`. So is what ends the subscription, such as `UNAVAILABLE`, with `extensions.code`.
   * Where a filter of `@Subscription()` drops such an error, the iterator rejects with it.
   *
   * Write topics that contain an argument with the tag `topic`: topic`orders.${id}`.
   *
   * @throws PushError `INVALID_TOPIC`, also for a wildcard without the option `wildcards`; `INVALID_MESSAGE` for an `after` that is no
   * id; `INVALID_OPTION` for a wrong `from`. Clients find the code in `extensions.code`
   */
  override asyncIterableIterator<const Pattern extends string>(
    topics: Pattern | readonly Pattern[],
    options?: SubscriptionOptions<PayloadOf<Topics, Pattern>>,
  ): Events<PushEvent<PayloadOf<Topics, Pattern>>>;
  override asyncIterableIterator<Event>(
    topics: string | readonly string[],
    options?: SubscriptionOptions,
  ): Events<Event>;
  override asyncIterableIterator(
    given: string | readonly string[],
    options: SubscriptionOptions = {},
  ): Events<unknown> {
    const topics = typeof given === 'string' ? [given] : [...given];
    if (topics.length === 0) throw new PushError('INVALID_TOPIC', 'A subscription needs at least one topic.');
    topics.forEach((topic) => (options.wildcards ? assertPattern(topic) : assertExact(topic)));
    const { filter } = options;
    const reading = { topics, start: startOf(options), filter };
    const reader = new EventReader(this.hub, reading, this.readers);
    return new EventIterator(reader) as unknown as Events<unknown>;
  }

  /** Transports that are still open here would keep the server from closing. Their clients come back to another node. */
  beforeApplicationShutdown(): void {
    const error = new PushError('CLOSED', 'The server is shutting down; come back.');
    for (const reader of this.readers) reader.abort(error);
  }
}
