import type { GapNotice } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import { checkOptions, milliseconds, number, text, type Checks } from '../contracts/option-checks.js';
import { parametersOf, type ParameterPattern } from '../contracts/parameters.js';
import { isToken } from '../contracts/topic.js';
import type { PushEvent } from '../bus/handled-events.js';
import type {
  DeclaredPattern,
  KnownParamsOf,
  PayloadOf,
  PushTopics,
  WideOf,
} from '../bus/declared-topics.js';

/**
 * An event, as an `@OnPush()` method gets it: `OnPushEvent<'orders.:id'>` has the data that `PushTopics` declares for `orders.*`,
 * and `params.id`.
 */
export interface OnPushEvent<Pattern extends string = string> extends PushEvent<
  PayloadOf<PushTopics, WideOf<Pattern>>
> {
  /** The values of the pattern's parameters, by name. */
  readonly params: KnownParamsOf<Pattern>;
  /** How often this node has given it to the method, this time included: 1, and more after it has failed. */
  readonly attempt: number;
  /**
   * Aborted when nobody waits for the method any more: it took longer than `timeout`, or other nodes handle its topic now. The
   * event is handled again then, so what still runs should stop.
   */
  readonly signal: AbortSignal;
}

/** Options of `@OnPush()`. All but `onGap` need a `group`. */
export interface OnPushOptions<OnGap extends string = string> {
  /**
   * The group that the method belongs to: of all nodes that have it, one handles each event. A group has a position in the log,
   * which survives restarts. One token of a topic. Default: none, so that every node handles every event, from when it starts.
   */
  readonly group?: string;
  /** How often an event that failed is handled again, before it becomes a dead letter. Default: 5. */
  readonly retries?: number;
  /** How long to wait before the first of these times, in milliseconds: it doubles each time, up to a minute. Default: 1,000. */
  readonly retryDelay?: number;
  /** How long the method may take, in milliseconds. After that the event counts as failed. Default: 30,000. */
  readonly timeout?: number;
  /**
   * The name of the method of the same class to call where events are missing, before any event that comes later: retention has
   * dropped them, or another log has begun. It gets a `GapNotice`. Default: the gap is reported as an error of the stage `handler`.
   */
  readonly onGap?: OnGap;
}

/** A parsed `@OnPush()`. */
export interface DeclaredHandler {
  readonly pattern: ParameterPattern;
  readonly group: string | undefined;
  readonly retries: number;
  readonly retryDelay: number;
  readonly timeout: number;
  readonly onGap: string | undefined;
}

/** What a class has whose method is there for gaps. Of a name that only the program knows, nothing can be said. */
type GapMethod<OnGap extends string> = string extends OnGap
  ? object
  : { readonly [Name in OnGap]: (gap: GapNotice) => unknown };

/** Applies to methods that take the events of `Pattern`, in classes that have the method for gaps. */
type HandlerDecorator<Pattern extends string, OnGap extends string> = <
  Target extends GapMethod<OnGap>,
  Method extends (event: OnPushEvent<Pattern>) => unknown,
>(
  target: Target,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

export const handlerMetadata = 'nestjs-push:handlers';

const defaults = { retries: 5, retryDelay: 1_000, timeout: 30_000 };

const checks: Checks<OnPushOptions> = {
  group: (value, name) => {
    text(value, name);
    if (value !== undefined && !isToken(value))
      throw new PushError(
        'INVALID_OPTION',
        `${name} is ${JSON.stringify(value)}; it takes one token of a topic.`,
      );
  },
  retries: number({ least: 0, infinite: true }),
  retryDelay: milliseconds,
  timeout: milliseconds,
  onGap: text,
};

/**
 * Calls the method with each event of `pattern`. It may belong to any provider or controller.
 *
 * ```ts
 * @OnPush('orders.:id')
 * count({ data }: OnPushEvent<'orders.:id'>) { … }        // on every node, while it runs
 *
 * @OnPush('orders.:id', { group: 'billing' })
 * async bill({ params, data }: OnPushEvent<'orders.:id'>) { … }   // on one node, at least once, also after a restart
 * ```
 *
 * Without a group, the method is called as the event comes, and not called again. With a group, the events of a topic are handled in
 * order and at least once: the next one waits until the method's promise has settled. An event that fails is tried again, and holds
 * its own topic meanwhile; in the end it becomes a dead letter (`PushDeadLetters`). An event may come twice: after its node has
 * died, and after a timeout. Ephemeral events have no place in the log, so groups do not get them.
 *
 * Pipes, interceptors and exception filters of the method and its class apply, guards and those of the whole application do not.
 *
 * @param pattern a topic pattern that may have parameters (`:name`)
 * @throws PushError `INVALID_TOPIC`, `INVALID_OPTION`
 */
export function OnPush<const Pattern extends string, const OnGap extends string = never>(
  pattern: DeclaredPattern<PushTopics, Pattern>,
  options: OnPushOptions<OnGap> = {},
): HandlerDecorator<Pattern, OnGap> {
  checkOptions(options, checks, '@OnPush()');
  const { group, onGap } = options;
  const others = Object.keys(options).filter((name) => name !== 'group' && name !== 'onGap');
  if (group === undefined && others.length > 0)
    throw new PushError('INVALID_OPTION', `@OnPush('${pattern}') needs a group for ${others.join(', ')}.`);
  const declared: DeclaredHandler = { ...defaults, ...options, group, onGap, pattern: parametersOf(pattern) };
  return (_, __, { value }) => {
    const before = (Reflect.getMetadata(handlerMetadata, value!) ?? []) as readonly DeclaredHandler[];
    Reflect.defineMetadata(handlerMetadata, [declared, ...before], value!);
  };
}
