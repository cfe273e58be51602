import { Inject, Injectable, Optional } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Backplane, type Health } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { Draft } from '../contracts/event.js';
import { printPosition } from '../contracts/position.js';
import { removalMeta } from '../contracts/state.js';
import { problemOfStart } from '../contracts/start.js';
import { assertPattern, assertTopic, isWildcard } from '../contracts/topic.js';
import { pushSettings } from '../contracts/settings.js';
import { Hub, type HubStats } from '../hub/hub.js';
import type { PayloadOf, PushTopics } from './declared-topics.js';
import { ErrorReporter } from './error-reporter.js';
import { jsonOf } from './event-json.js';
import { presenceSource, type PresenceSource, type TopicPresence } from './presence.js';
import { publisherKey } from './publisher-key.js';
import { checkedMeta } from './publish-meta.js';
import { assertState, checkExpect } from './state-options.js';
import type { EventStream, StreamData, StreamOptions } from './event-stream.js';
import { handledEvents, type PushEvent } from './handled-events.js';
import { topicPage, type HistoryOptions, type TopicPage } from './topic-page.js';
import { streamOf, type CurrentClient } from './stream-reader.js';

/** How an event is published. */
export interface PublishOptions {
  /**
   * The event's type: `event:` on SSE, which `addEventListener` of an `EventSource` listens to. 1 to 128 characters, no
   * control characters, not beginning with `push.`, not `error` or `open`. Default: none, which a browser calls `message`.
   */
  readonly type?: string;
  /**
   * Makes publishing idempotent: while the id is remembered, publishing it again stores nothing and resolves with the id
   * of the first event. 1 to 128 visible ASCII characters.
   */
  readonly messageId?: string;
  /** Only for clients that are connected right now: not stored, no id, delivered at most once. Default: `false`. */
  readonly ephemeral?: boolean;
  /** The id of a connection that does not get the event: "everyone but the sender". */
  readonly except?: string;
  /**
   * The id of the principal on whose behalf it is published, 1 to 256 characters. Its events have a share of the memory
   * (`retention.bytesPerPublisher`), beyond which its own oldest events go. Clients never see it. Default: the application
   * itself, which `retention.bytes` alone bounds.
   */
  readonly publisher?: string;
  /**
   * Compare and set, for state topics (`state: true`): the event is stored only if the topic's newest one has this id, or with
   * `'none'` only if the topic has no state; else publishing rejects with `CONFLICT`, and `currentId` of the error names what
   * is there. A `messageId` is looked at first. Default: stored whatever is there.
   */
  readonly expect?: string;
  /**
   * What the event carries beside its data, for the server's own handlers (`on`, `stream`): strings, finite numbers and
   * booleans, 4 KiB as JSON at most. Clients never see it. Names that begin with `$`, `end`, `removed` and `row` are the
   * library's own. Default: none.
   */
  readonly meta?: EventMeta;
}

/** How a state is removed: see `EventBus.remove`. */
export type RemoveOptions = Pick<PublishOptions, 'expect' | 'messageId'>;

/** One of the events for `publishMany`. Its data has the type that its topic is declared with in `PushTopics`. */
export interface Publication<Topic extends string = string, Data = unknown> extends PublishOptions {
  readonly topic: Topic;
  readonly data: Data;
}

/** A publication for each of these topics, in their order. */
export type Publications<Topics, Names extends readonly string[]> = {
  readonly [Index in keyof Names]: Publication<Names[Index], PayloadOf<Topics, Names[Index]>>;
};

/** Injects the `CurrentClient`, by which a stream finds its client. Without it, a stream starts where its options say. */
export const currentStreamClient = Symbol('CurrentClient');

/** An `EventSource` dispatches `error` and `open` itself, and its listeners could not tell an event of that type apart. */
const typeGrammar = /^(?!push\.|(?:error|open)$)[^\p{Cc}]{1,128}$/u;
const messageIdGrammar = /^[!-~]{1,128}$/;

/**
 * What applications inject. Publishing works from anywhere (controllers, cron jobs, queue workers), as soon as the bus
 * can be injected, with or without transports.
 *
 * `@nestjs/cqrs` has an `EventBus` too; this one is also exported as `PushEventBus`.
 */
@Injectable()
export class EventBus<Topics = PushTopics> {
  @Optional() @Inject(presenceSource) private readonly presences?: PresenceSource;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(Backplane) private readonly backplane: Backplane,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(pushSettings) private readonly settings: { readonly maxEventBytes: number },
    @Optional() @Inject(currentStreamClient) private readonly currentClient?: CurrentClient,
  ) {}

  /**
   * Publishes `data` (anything JSON) to everyone who may see `topic`.
   *
   * @returns the event's id, once the backplane holds the event; `undefined` for an ephemeral one, once it is sent
   * @throws PushError (the promise rejects, nothing is stored) `INVALID_TOPIC`, `INVALID_TYPE`, `INVALID_OPTION`,
   * `DATA_NOT_SERIALIZABLE`, `DATA_TOO_LARGE`; `CONFLICT` when `expect` does not hold; `LIMIT_EXCEEDED` when there is too much
   * state for `retention.stateBytes`; `UNAVAILABLE` when the backplane could not store it in time
   */
  publish<const Topic extends string>(
    topic: Topic,
    data: PayloadOf<Topics, Topic>,
    options: PublishOptions & { readonly ephemeral: true },
  ): Promise<undefined>;
  publish<const Topic extends string>(
    topic: Topic,
    data: PayloadOf<Topics, Topic>,
    options?: PublishOptions & { readonly ephemeral?: false },
  ): Promise<string>;
  publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<string | undefined> {
    try {
      return this.send(this.draft(topic, data, options), options.ephemeral ?? false);
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
      const drafts = publications.map((publication) =>
        this.draft(publication.topic, publication.data, publication),
      );
      return Promise.all(
        drafts.map((draft, index) => this.send(draft, publications[index]!.ephemeral ?? false)),
      );
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
  remove(topic: string, { expect, messageId }: RemoveOptions = {}): Promise<string> {
    try {
      const draft = this.draft(topic, null, { expect, messageId });
      assertState(this.hub.retention.of(topic), 'remove()', topic);
      return this.append({ ...draft, meta: removalMeta });
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
  stream<const Pattern extends string, const Options extends StreamOptions = StreamOptions>(
    topics: Pattern | readonly Pattern[],
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
    topic: Topic,
    options: HistoryOptions = {},
  ): Promise<TopicPage<PayloadOf<Topics, Topic>>> {
    return topicPage(this.hub, topic, options);
  }

  /**
   * The events of a topic or pattern for the server's own use, from now on. A subscriber that throws, or returns a
   * promise that rejects, is reported and keeps its subscription.
   *
   * @throws PushError `INVALID_TOPIC`
   */
  on<const Pattern extends string>(pattern: Pattern): Observable<PushEvent<PayloadOf<Topics, Pattern>>> {
    assertPattern(pattern);
    return handledEvents<PayloadOf<Topics, Pattern>>(this.hub, pattern, (error) =>
      this.errors.report(error, { stage: 'handler' }),
    );
  }

  /**
   * Who reads a topic, on all nodes: for topics whose rule has `presence`. It is live, and what this node knows: a change on
   * another node comes as fast as an event, and a node that starts knows of no member until it has read the log.
   *
   * @throws PushError `INVALID_TOPIC`, also for a wildcard; `INVALID_OPTION` for a topic without presence
   */
  presence(topic: string): TopicPresence {
    assertTopic(topic);
    if (this.presences) return this.presences.of(topic);
    throw new PushError('INVALID_OPTION', 'There is no presence outside of PushModule.');
  }

  /** What this node holds now: connections, subscriptions, the memory of its window. */
  stats(): HubStats {
    return this.hub.stats();
  }

  /** Whether events get through: see `Backplane.health`. */
  health(): Promise<Health> {
    return this.backplane.health();
  }

  private async send(draft: Draft, ephemeral: boolean): Promise<string | undefined> {
    if (ephemeral) {
      await this.backplane.sendEphemeral(draft);
      return undefined;
    }
    return this.append(draft);
  }

  private async append(draft: Draft): Promise<string> {
    const position = await this.backplane.append(draft);
    const congested = this.hub.congested();
    if (congested) await congested;
    return printPosition(position);
  }

  private draft(topic: string, data: unknown, options: PublishOptions): Draft {
    const { type, messageId, except, publisher } = options;
    assertTopic(topic);
    if (type !== undefined && !typeGrammar.test(type)) {
      const rule =
        'A type has 1 to 128 characters, no control characters, does not begin with "push.", and is not "error" or "open".';
      throw new PushError('INVALID_TYPE', `${JSON.stringify(type)} is not an event type. ${rule}`);
    }
    if (messageId !== undefined && !messageIdGrammar.test(messageId)) {
      throw new PushError(
        'INVALID_OPTION',
        'A messageId has 1 to 128 visible ASCII characters; a UUID will do.',
      );
    }
    const by = publisher === undefined ? undefined : publisherKey(publisher);
    const { expect } = options;
    if (expect !== undefined) checkExpect(this.hub.retention.of(topic), options, topic);
    const meta = checkedMeta(options.meta);
    return {
      topic,
      data: jsonOf(topic, data, this.settings.maxEventBytes),
      type,
      messageId,
      except,
      publisher: by,
      expect,
      meta,
    };
  }
}

/** @throws PushError `INVALID_TOPIC` for a pattern that may have come from a client */
function assertExact(pattern: string): void {
  assertPattern(pattern);
  if (!isWildcard(pattern)) return;
  const hint =
    'Write what a client brings as topic`orders.${id}`; for patterns of your own add { wildcards: true }.';
  throw new PushError(
    'INVALID_TOPIC',
    `${JSON.stringify(pattern)} is a wildcard, and not one topic. ${hint}`,
  );
}
