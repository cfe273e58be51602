import { SetMetadata } from '@nestjs/common';
import type {
  DeclaredPattern,
  KnownParamsOf,
  PushTopics,
  SnapshotOf,
  WideOf,
} from '../bus/declared-topics.js';
import { PushError } from '../contracts/errors.js';
import { parametersOf, type ParameterPattern } from '../contracts/parameters.js';
import { parsePosition, type Position } from '../contracts/position.js';
import type { Principal } from '../contracts/principal.js';

/** What a `@PushSnapshot()` method is called with: `SnapshotContext<'orders.:id'>` has `params.id`. */
export interface SnapshotContext<Pattern extends string = string> {
  /** The topic whose state is wanted. */
  readonly topic: string;
  /** The values of the pattern's parameters, by name. */
  readonly params: KnownParamsOf<Pattern>;
  /** Who wants it; `undefined` for an anonymous client, and always for a `shared` method. */
  readonly principal: Principal | undefined;
  /** Aborted when nobody waits for the state any more: it took too long, or its clients are gone. */
  readonly signal: AbortSignal;
}

/** Options of `@PushSnapshot()`. */
export interface PushSnapshotOptions {
  /**
   * The state is the same for everybody who may read the topic: the method runs once for all clients that ask at the same
   * moment, without a principal. Default: `false`.
   */
  readonly shared?: boolean;
}

/** A parsed `@PushSnapshot()`. */
export interface DeclaredSnapshot {
  readonly pattern: ParameterPattern;
  readonly shared: boolean;
}

/** The state that `PushTopics` declares for a pattern, or a promise of it. */
type Loaded<Data> = Data | DatedSnapshot<Data> | Promise<Data | DatedSnapshot<Data>>;

/** Applies to methods that load the state of `Pattern`, as `PushTopics` declares it. */
type SnapshotDecorator<Pattern extends string> = <
  Method extends (context: SnapshotContext<Pattern>) => Loaded<SnapshotOf<PushTopics, WideOf<Pattern>>>,
>(
  target: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

export const snapshotMetadata = 'nestjs-push:snapshot';

/**
 * Makes a method the one that loads the state of a topic, from the application's database. It may belong to any provider that
 * lives as long as the application. Clients that begin `from: 'snapshot'` get what it returns (anything JSON), and then every
 * event after that.
 *
 * ```ts
 * @PushSnapshot('orders.:id')
 * load({ params }: SnapshotContext<'orders.:id'>) {
 *   return this.orders.findOne(params.id);
 * }
 * ```
 *
 * What it reads may be newer than the first events that follow, so the events of such topics set values, and do not add to
 * them. Where they do add, return `snapshotAt(data, id)`. Read from the primary: a replica may be older than the position.
 *
 * Of several patterns that match a topic, the one with the most literal tokens from the left holds.
 *
 * @param pattern a topic pattern that may have parameters (`:name`)
 * @throws PushError `INVALID_TOPIC`; `INVALID_OPTION` for a name that is used twice
 */
export function PushSnapshot<const Pattern extends string>(
  pattern: DeclaredPattern<PushTopics, Pattern>,
  { shared = false }: PushSnapshotOptions = {},
): SnapshotDecorator<Pattern> {
  return SetMetadata(snapshotMetadata, { pattern: parametersOf(pattern), shared } satisfies DeclaredSnapshot);
}

/** A state, and the event that it is as of. */
export class DatedSnapshot<Data = unknown> {
  constructor(
    readonly data: Data,
    readonly position: Position,
  ) {}
}

/**
 * For a `@PushSnapshot()` method that knows which event its data is as of: exactly the events after that follow.
 *
 * @param data anything JSON
 * @param id the id of the newest event that the data has in it, as `publish()` returned it. One of a log that has been
 * replaced counts as none
 * @throws PushError `INVALID_OPTION` for what cannot be an id
 */
export function snapshotAt<Data>(data: Data, id: string): DatedSnapshot<Data> {
  const position = parsePosition(id);
  if (!position)
    throw new PushError(
      'INVALID_OPTION',
      `${JSON.stringify(id)} is not an id. Store what publish() returns, and give that to snapshotAt().`,
    );
  return new DatedSnapshot(data, position);
}
