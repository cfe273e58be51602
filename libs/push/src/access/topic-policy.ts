import { Injectable } from '@nestjs/common';
import type {
  DeclaredPattern,
  KnownParamsOf,
  PayloadOf,
  PresenceOf,
  PublishedBy,
  PushTopics,
  ValidOf,
  WideOf,
} from '../bus/declared-topics.js';
import type { Principal } from '../contracts/principal.js';
import type { TransportName } from '../contracts/connection.js';
import { parametersIn, parametersOf } from '../contracts/parameters.js';
import type { PayloadSchema, PayloadSchemaOf, ValidatedBy } from '../contracts/payload-schema.js';
import type { TopicDocumentation } from '../contracts/topic-documentation.js';

/** The context of a policy's decision. */
export interface TopicContext {
  /** The topic or pattern that the client has requested. */
  readonly topic: string;
  readonly transport: TransportName;
  /** The client's address. */
  readonly address: string;
  /** Aborted when it is too late for an answer. */
  readonly signal: AbortSignal;
}

/** The context of `transform`. */
export interface PublishContext<Payload = unknown> extends TopicContext {
  /** The data that the client publishes: a validated instance of the policy's `payload` class, or what its schema makes of it. */
  readonly data: Payload;
}

/** The context of `accept`. */
export interface AcceptContext<Published = unknown> extends TopicContext {
  /** The data that was published: what `transform` has returned, else what the client has sent. */
  readonly data: Published;
  /** The event's id; `undefined` if it is ephemeral. */
  readonly id: string | undefined;
}

/** The values of the pattern's parameters, by name. */
export type TopicParams = Readonly<Record<string, string>>;

/**
 * Decides which principals may read and publish the topics of one pattern. It is not called for clients without a principal:
 * topics for all clients are `topics: [{ pattern, access: 'public' }]`. If several policies match a topic, one that grants is
 * enough.
 *
 * A policy that throws, or takes too long, denies.
 *
 * @typeParam Payload what clients send: the `payload` of `@PushTopic()`
 * @typeParam Published what `transform` returns
 * @typeParam Params the parameters of the pattern
 */
export interface TopicPolicy<Payload = unknown, Published = Payload, Params = TopicParams> {
  /** Whether `principal` may read. Called for every subscription, also when a client reconnects. Default: none may. */
  canSubscribe?(principal: Principal, params: Params, context: TopicContext): boolean | Promise<boolean>;
  /**
   * Whether `principal`, who may read, may also see who else does: `topics: [{ pattern, presence }]`. Called as `canSubscribe`
   * is. Of several policies that match, all have to grant it. A pattern that names no single topic is denied where this is
   * there, and so are clients without a principal. Default: whoever may read may see.
   */
  canSeePresence?(principal: Principal, params: Params, context: TopicContext): boolean | Promise<boolean>;
  /**
   * Whether `principal` may publish. Called before the data is validated, so that a client without the right learns nothing
   * about valid data. Default: none may.
   */
  canPublish?(principal: Principal, params: Params, context: TopicContext): boolean | Promise<boolean>;
  /**
   * Whether `principal` may remove the state of a state topic, as `EventBus.remove` does. The right to publish does not include
   * it: nothing validates a removal, `transform` and `accept` included. Default: none may.
   */
  canRemove?(principal: Principal, params: Params, context: TopicContext): boolean | Promise<boolean>;
  /**
   * Returns the data to publish. Called with valid data, after `canPublish` has granted: the place for decisions that depend on
   * the data. Default: the data as it was sent.
   *
   * @throws an `HttpException` or a `PushError` to refuse: the client gets its message. Any other error refuses too, and is
   * reported
   */
  transform?(
    principal: Principal,
    params: Params,
    context: PublishContext<Payload>,
  ): Published | Promise<Published>;
  /**
   * Called when the event is stored: the client is told so once the promise has resolved, within `limits.decisionTimeout`. For clients
   * that have to know that more has happened, for example that a group has handled the event. The client's next message waits too.
   * A client that sends the same `messageId` again causes another call, with the same id. Default: the client is told at once.
   *
   * @throws an `HttpException` or a `PushError`: the client gets its message instead, although the event is stored. Any other error
   * is reported, and the client is told `INTERNAL`
   */
  accept?(principal: Principal, params: Params, context: AcceptContext<Published>): unknown;
}

/**
 * Options of a policy.
 *
 * @typeParam Payload what validates what clients publish
 * @typeParam Presence what validates what clients say of themselves
 */
export interface PushTopicOptions<
  Payload extends PayloadSchema = PayloadSchema,
  Presence extends PayloadSchema = PayloadSchema,
> {
  /**
   * What validates what clients publish: a class with class-validator decorators, where properties without a decorator are
   * refused; or a Standard Schema (zod, valibot, arktype and others). Validation changes nothing: the data is stored as it was
   * sent, or as `transform` returns it. Default: any JSON.
   */
  readonly payload?: Payload;
  /**
   * What validates what clients say of themselves where they are present (`presence` messages), as `payload` does. Default: any
   * JSON.
   */
  readonly presence?: Presence;
  /** What documents say about the topics, where no rule with the same pattern says it. */
  readonly documentation?: TopicDocumentation;
}

/** A parsed pattern of a policy. */
export interface PolicyPattern {
  /** The pattern with `*` in place of each parameter. */
  readonly pattern: string;
  /** The pattern as it was declared. */
  readonly declared: string;
  readonly payload: PayloadSchema | undefined;
  /** What clients say of themselves. */
  readonly presence: PayloadSchema | undefined;
  readonly documentation: TopicDocumentation | undefined;
  /** The parameters of `topic`; `undefined` if the pattern does not match it. */
  match(topic: string): TopicParams | undefined;
}

/** What may validate what clients publish, by what `PushTopics` declares for the pattern. */
type SchemaToPublish<Pattern extends string> = PayloadSchemaOf<PublishedBy<PushTopics, WideOf<Pattern>>>;

/** What may validate what clients say of themselves. */
type SchemaOfPresence<Pattern extends string> = PayloadSchemaOf<PresenceOf<PushTopics, WideOf<Pattern>>>;

/** A class whose methods take and return what `PushTopics` declares for the pattern. */
type PolicyDecorator<Pattern extends string, Payload> = <
  Policy extends abstract new (
    ...args: never[]
  ) => TopicPolicy<
    unknown extends Payload ? ValidOf<PushTopics, WideOf<Pattern>> : Payload,
    PayloadOf<PushTopics, WideOf<Pattern>>,
    KnownParamsOf<Pattern>
  >,
>(
  target: Policy,
) => void;

const patterns = new WeakMap<object, PolicyPattern>();

/** What `@PushTopic()` has declared for this class, or for one that it extends. */
export function policyPatternOf(metatype: unknown): PolicyPattern | undefined {
  for (let type: unknown = metatype; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    const pattern = patterns.get(type);
    if (pattern) return pattern;
  }
  return undefined;
}

/**
 * Makes a class the policy of the topics that match `pattern`. The class is injectable; list it among the providers of any
 * module.
 *
 * ```ts
 * @PushTopic('orders.:id')
 * export class OrdersPolicy implements TopicPolicy {
 *   constructor(private readonly orders: OrdersService) {}
 *
 *   canSubscribe(principal: Principal, { id }: { id: string }) {
 *     return this.orders.belongsTo(id, principal.id);
 *   }
 * }
 * ```
 *
 * A parameter matches one literal token. So this policy does not grant a subscription to `orders.*`, which names no order; a
 * policy of the pattern `orders.*` or `orders.>` does.
 *
 * @param pattern a topic pattern that may have parameters (`:name`)
 * @throws PushError `INVALID_TOPIC`; `INVALID_OPTION` for a name that is used twice
 */
export function PushTopic<
  const Pattern extends string,
  Payload extends SchemaToPublish<Pattern> = SchemaToPublish<Pattern>,
  Presence extends SchemaOfPresence<Pattern> = SchemaOfPresence<Pattern>,
>(
  pattern: DeclaredPattern<PushTopics, Pattern>,
  { payload, presence, documentation }: PushTopicOptions<Payload, Presence> = {},
): PolicyDecorator<Pattern, ValidatedBy<Payload>> {
  const parameters = parametersOf(pattern);
  const match = (topic: string) => parametersIn(topic, parameters);
  return (target) => {
    const declared = { pattern: parameters.wide, declared: pattern };
    patterns.set(target, { ...declared, payload, presence, documentation, match });
    Injectable()(target);
  };
}
