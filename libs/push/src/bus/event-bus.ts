import { Inject, Injectable, Optional } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Backplane, type Health } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { Draft } from '../contracts/event.js';
import { removalMeta } from '../contracts/state.js';
import { problemOfStart } from '../contracts/start.js';
import { assertPattern, assertTopic } from '../contracts/topic.js';
import { Hub, type HubStats } from '../hub/hub.js';
import type { DeclaredTopic, PayloadOf, PresenceOf, PushTopics, ResultOf } from './declared-topics.js';
import { assertForgettable, draftOf, endDraftOf, type DraftRules } from './draft.js';
import { ErrorReporter } from './error-reporter.js';
import type { EndOptions, PublishOptions, RemoveOptions } from './publish.options.js';
import { PublishRules } from './publish-rules.js';
import { Publisher } from './publisher.js';
import { RunningCalls } from './running-calls.js';
import { presenceSource, type PresenceSource, type TopicPresence } from './presence.js';
import { assertState } from './state-options.js';
import type { EventStream, StreamData, StreamOptions } from './event-stream.js';
import { handledEvents, type PushEvent } from './handled-events.js';
import { topicPage, type HistoryOptions, type TopicPage } from './topic-page.js';
import { assertExact, streamOf, type CurrentClient } from './stream-reader.js';

/** One of the events for `publishMany`. Its data has the type that its topic is declared with in `PushTopics`. */
export interface Publication<Topic extends string = string, Data = unknown> extends PublishOptions {
  readonly topic: Topic;
  readonly data: Data;
}

/** A publication for each of these topics, in their order. */
export type Publications<Topics, Names extends readonly string[]> = {
  readonly [Index in keyof Names]: Publication<
    DeclaredTopic<Topics, Names[Index]>,
    PayloadOf<Topics, Names[Index]>
  >;
};

/** Injects the `CurrentClient`, by which a stream finds its client. Without it, a stream starts where its options say. */
export const currentStreamClient = Symbol('CurrentClient');

/**
 * What applications inject. Publishing works from anywhere (controllers, cron jobs, queue workers), as soon as the bus
 * can be injected, with or without transports.
 *
 * `@nestjs/cqrs` has an `EventBus` too; this one is also exported as `PushEventBus`.
 */
@Injectable()
export class EventBus<Topics = PushTopics> {
  @Optional() @Inject(presenceSource) private readonly presences?: PresenceSource;
  private readonly publisher: Publisher;
  /** What observers of `on()` still do. */
  private readonly calls: RunningCalls;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(Backplane) private readonly backplane: Backplane,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(PublishRules) private readonly rules: DraftRules,
    @Optional() @Inject(currentStreamClient) private readonly currentClient?: CurrentClient,
  ) {
    this.publisher = new Publisher(hub, backplane);
    this.calls = new RunningCalls((error) => this.errors.report(error, { stage: 'handler' }));
  }

  /**
   * Publishes `data` (anything JSON) to everyone who may see `topic`.
   *
   * @returns the event's id, once the backplane holds the event; `undefined` for an ephemeral one, once it is sent
   * @throws PushError (the promise rejects, nothing is stored) `INVALID_TOPIC`, `INVALID_TYPE`, `INVALID_OPTION`,
   * `DATA_NOT_SERIALIZABLE`, `DATA_TOO_LARGE`; `CONFLICT` when `expect` does not hold; `ENDED` when the topic
   * has ended; `LIMIT_EXCEEDED` when there is too much
   * state for `retention.stateBytes`; `UNAVAILABLE` when the backplane could not store it in time, or this node is overloaded
   * (`PushOptions.maxDeliveryDelay`)
   */
  publish<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    data: PayloadOf<Topics, Topic>,
    options: PublishOptions & { readonly ephemeral: true },
  ): Promise<undefined>;
  publish<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    data: PayloadOf<Topics, Topic>,
    options?: PublishOptions & { readonly ephemeral?: false },
  ): Promise<string>;
  publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<string | undefined> {
    try {
      const draft = this.draft(topic, data, options);
      return this.publisher.publish(draft, options.ephemeral ?? false);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** Publishes one of many events that belong together, such as those of a run: as `publish`, without a span of its own. @internal */
  publishPart(topic: string, data: unknown, options: PublishOptions): Promise<string | undefined> {
    try {
      return this.publisher.append(this.draft(topic, data, options), 'part');
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * Publishes several events, in order. All are checked before the first is stored.
   *
   * @returns their ids, in order
   * @throws PushError as `publish`; if the backplane fails midway, or refuses one event, others may be stored
   */
  publishMany<const Names extends readonly string[]>(
    publications: Publications<Topics, Names>,
  ): Promise<(string | undefined)[]>;
  publishMany(publications: readonly Publication[]): Promise<(string | undefined)[]> {
    try {
      const events = publications.map((publication) => ({
        draft: this.draft(publication.topic, publication.data, publication),
        isEphemeral: publication.ephemeral ?? false,
      }));
      return this.publisher.publishMany(events);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * Takes a state topic's state away. That is an event too, a removal: its data is `null`, its metadata `removed: true`.
   * It is stored also if there is no state; `expect` prevents that.
   *
   * @returns the id of the removal, once the backplane holds it
   * @throws PushError (the promise rejects) `INVALID_TOPIC`; `INVALID_OPTION`, also for a topic that is no state topic;
   * `CONFLICT`, `UNAVAILABLE`: as `publish`
   */
  remove<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    options?: RemoveOptions,
  ): Promise<string>;
  remove(topic: string, { expect, messageId, except, publisher }: RemoveOptions = {}): Promise<string> {
    try {
      const draft = this.checked(topic, () => {
        const checked = draftOf(topic, null, { expect, messageId, except, publisher }, this.rules);
        assertState(this.hub.retention.of(topic), 'remove()', topic);
        return checked;
      });
      return this.publisher.append({ ...draft, meta: removalMeta });
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * Ends a finite topic (`finite: true`). Its readers are told why, and nothing can be published to it any more. The first end
   * wins. It is remembered for the `ttl` of the topic's rule.
   *
   * @returns the id of the end, once the backplane holds it
   * @throws PushError (the promise rejects) `ENDED` if it has ended already; `INVALID_OPTION`, also for a topic that is not finite;
   * else as `publish`
   */
  end<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    options?: EndOptions<ResultOf<Topics, Topic>>,
  ): Promise<string>;
  end(topic: string, options: EndOptions = {}): Promise<string> {
    try {
      const draft = this.checked(topic, () => endDraftOf(topic, options, this.rules));
      return this.publisher.append(draft);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * Removes a finite topic and all of its events, or the state of a state topic, as `remove` does. Its readers are told of a
   * removal, which is remembered for the `tombstones` of its rule. After that the topic begins again, also if it had ended.
   *
   * @returns the id of the removal, once the backplane holds it
   * @throws PushError (the promise rejects) `INVALID_TOPIC`; `INVALID_OPTION` for other topics; `UNAVAILABLE`
   */
  forget<const Topic extends string>(topic: DeclaredTopic<Topics, Topic>): Promise<string>;
  forget(topic: string): Promise<string> {
    try {
      const draft = this.checked(topic, () => {
        const checked = draftOf(topic, null, {}, this.rules);
        assertForgettable(this.hub.retention.of(topic), topic);
        return checked;
      });
      return this.publisher.append({ ...draft, meta: removalMeta });
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * The events of one or more topics or patterns, to return from an `@Sse()` route or to pipe. On a route without
   * interceptors, a stream that is not piped is written as bytes that all clients of the same topics share.
   *
   * Write topics that contain a part of a client's request with the tag `topic`: topic`orders.${id}`.
   *
   * @throws PushError `INVALID_TOPIC`, which becomes an answer with status 400; also for a wildcard without the option
   * `wildcards`, and for one that no `@PushSnapshot()` method loads with `from: 'snapshot'`. `INVALID_OPTION` for a `from` such as `last:0`
   */
  stream<
    const Pattern extends string,
    const Options extends StreamOptions<PresenceOf<Topics, Pattern>> = StreamOptions<
      PresenceOf<Topics, Pattern>
    >,
  >(
    topics: DeclaredTopic<Topics, Pattern> | readonly DeclaredTopic<Topics, Pattern>[],
    options?: Options,
  ): EventStream<StreamData<PayloadOf<Topics, Pattern>, Options>>;
  stream(topics: string | readonly string[], options: StreamOptions = {}): EventStream {
    const patterns = Array.isArray(topics) ? ([...topics] as string[]) : [topics as string];
    if (patterns.length === 0)
      throw new PushError('INVALID_TOPIC', 'stream() needs at least one topic or pattern.');
    patterns.forEach((pattern) => (options.wildcards ? assertPattern(pattern) : assertExact(pattern)));
    const problem = problemOfStart(options.from ?? 'now');
    if (problem !== undefined) throw new PushError('INVALID_OPTION', `The option from ${problem}.`);
    if (options.from === 'snapshot') this.hub.assertSnapshots(patterns);
    return streamOf(this.hub, patterns, options, this.currentClient ?? (() => undefined));
  }

  /**
   * A page of a topic's past: its newest events, or those before the id `before`. It is read from memory, and from the
   * backplane what is older. Removals of state are left out.
   *
   * @throws PushError (the promise rejects) `INVALID_TOPIC`, also for a wildcard; `INVALID_OPTION` for a wrong `limit`;
   * `UNAVAILABLE` when the log or the backplane cannot be read; `CLOSED`
   */
  history<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
    options?: HistoryOptions,
  ): Promise<TopicPage<PayloadOf<Topics, Topic>>>;
  history(topic: string, options: HistoryOptions = {}): Promise<TopicPage> {
    return topicPage(this.hub, topic, options);
  }

  /**
   * The events of a topic or pattern for the server's own use, from now on. A subscriber that throws, or returns a
   * promise that rejects, is reported and keeps its subscription.
   *
   * @throws PushError `INVALID_TOPIC`
   */
  on<const Pattern extends string>(
    pattern: DeclaredTopic<Topics, Pattern>,
  ): Observable<PushEvent<PayloadOf<Topics, Pattern>>>;
  on(pattern: string): Observable<PushEvent> {
    assertPattern(pattern);
    return handledEvents(this.hub, pattern, this.calls);
  }

  /**
   * Who reads a topic, on all nodes: for topics whose rule has `presence`. It is live, and what this node knows: a change on
   * another node comes as fast as an event, and a node that starts knows of no member until it has read the log.
   *
   * @throws PushError `INVALID_TOPIC`, also for a wildcard; `INVALID_OPTION` for a topic without presence
   */
  presence<const Topic extends string>(
    topic: DeclaredTopic<Topics, Topic>,
  ): TopicPresence<PresenceOf<Topics, Topic>>;
  presence(topic: string): TopicPresence {
    assertTopic(topic);
    if (this.presences) return this.presences.of(topic);
    throw new PushError('INVALID_OPTION', 'There is no presence outside of PushModule.');
  }

  /** Whether no promise is pending that an observer of `on()` has returned. @internal */
  get isSettled(): boolean {
    return this.calls.size === 0;
  }

  /** What this node holds now: connections, subscriptions, the memory of its window, what it has yet to deliver. */
  stats(): HubStats {
    return this.hub.stats();
  }

  /** Whether events get through: see `Backplane.health`. */
  health(): Promise<Health> {
    return this.backplane.health();
  }

  /** An event that was checked. @throws what `check` throws */
  private checked(topic: string, check: () => Draft): Draft {
    try {
      return check();
    } catch (error) {
      this.hub.tracer?.refused(topic, error);
      throw error;
    }
  }

  /** The same, for each event that is published: without a function that is made for it. */
  private draft(topic: string, data: unknown, options: PublishOptions): Draft {
    try {
      return draftOf(topic, data, options, this.rules);
    } catch (error) {
      this.hub.tracer?.refused(topic, error);
      throw error;
    }
  }
}
