import { Injectable, type Type } from '@nestjs/common';
import type { Principal } from '../contracts/principal.js';
import { covers } from '../contracts/topic.js';
import type { TransportName } from '../contracts/connection.js';
import { parametersOf } from './parameters.js';

/** What a policy is asked about. */
export interface TopicContext {
  /** The topic, or the pattern, as the client named it. */
  readonly topic: string;
  readonly transport: TransportName;
  /** The client's address. */
  readonly address: string;
  /** Aborted when the answer comes too late to be of use. */
  readonly signal: AbortSignal;
}

/** What `transform` is told. */
export interface PublishContext<Payload = unknown> extends TopicContext {
  /** What the client wants to publish: an instance of the policy's `payload` class, which has been validated. */
  readonly data: Payload;
}

/** The tokens of a topic that the policy's pattern names with a colon. */
export type TopicParams = Readonly<Record<string, string>>;

/**
 * Decides about the topics of one pattern. Only clients with a principal are asked about; topics for everybody are
 * `topics: [{ pattern, access: 'public' }]`. What has several policies is granted if one of them grants it.
 *
 * A policy that throws, or takes too long, denies.
 *
 * @typeParam Payload what clients send: the class that `@PushTopic()` is given as `payload`
 * @typeParam Published what `transform` makes of it
 */
export interface TopicPolicy<Payload = unknown, Published = Payload> {
  /** Whether `principal` may read. Asked on every subscription, so also when a client comes back. Default: nobody. */
  canSubscribe?(principal: Principal, params: TopicParams, context: TopicContext): boolean | Promise<boolean>;
  /**
   * Whether `principal` may publish. Asked before the data is looked at, so that a stranger learns nothing of what it has to
   * be. Default: nobody.
   */
  canPublish?(principal: Principal, params: TopicParams, context: TopicContext): boolean | Promise<boolean>;
  /**
   * The data to publish, of what a client that may publish has sent and the `payload` class has let through: as it is, or
   * changed. Here is the place to decide by the data. Default: as it is.
   *
   * @throws an `HttpException` or a `PushError` to refuse, whose message the client gets to read; whatever else it throws
   * refuses too, and is reported
   */
  transform?(
    principal: Principal,
    params: TopicParams,
    context: PublishContext<Payload>,
  ): Published | Promise<Published>;
}

/** How a policy's topics are used. */
export interface PushTopicOptions {
  /**
   * A class with class-validator decorators: what clients may publish. Properties without a decorator are refused. It judges,
   * and changes nothing: what is stored is what was sent, or what `transform` makes of an instance of the class.
   * Default: any JSON.
   */
  readonly payload?: Type<object>;
}

/** A policy's pattern, read. */
export interface PolicyPattern {
  /** With `*` where the policy has a parameter. */
  readonly pattern: string;
  readonly payload: Type<object> | undefined;
  /** The parameters of `topic`; `undefined` if the policy does not decide about it. */
  match(topic: string): TopicParams | undefined;
}

const patterns = new WeakMap<object, PolicyPattern>();

/** What `@PushTopic()` says of this class, or of one that it extends. */
export function policyPatternOf(metatype: unknown): PolicyPattern | undefined {
  for (let type: unknown = metatype; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    const pattern = patterns.get(type);
    if (pattern) return pattern;
  }
  return undefined;
}

/**
 * Makes a class the policy of some topics; list it among the providers of any module. It is injectable.
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
 * A parameter stands for one token that is there: a client that asks for `orders.*` is not let in by this policy, since
 * it names no order, but by one of the pattern `orders.*` or `orders.>`.
 *
 * @param pattern a topic pattern, of which a token may be a parameter (`:name`)
 * @throws PushError `INVALID_TOPIC`, `INVALID_OPTION` for a name that comes twice
 */
export function PushTopic(pattern: string, { payload }: PushTopicOptions = {}): ClassDecorator {
  const { wide, names } = parametersOf(pattern);
  const match = (topic: string) => {
    if (!covers(wide, topic)) return undefined;
    const found = topic.split('.');
    const params = Object.create(null) as Record<string, string>;
    for (const [index, name] of names.entries()) {
      if (name === undefined) continue;
      if (found[index] === '*') return undefined;
      params[name] = found[index]!;
    }
    return params;
  };
  return (target) => {
    patterns.set(target, { pattern: wide, payload, match });
    Injectable()(target);
  };
}
