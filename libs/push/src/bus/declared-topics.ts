import type { WideOf } from '../contracts/parameters.js';
import type { DeclaredTopic } from '../protocol/topic-types.js';

export type { KnownParamsOf, ParamsOf, WideOf } from '../contracts/parameters.js';
export type {
  DeclaredTopic,
  FacetOf,
  PayloadOf,
  PresenceOf,
  PublishedBy,
  ResultOf,
  SnapshotOf,
  TopicFacets,
  TopicTypes,
  ValidOf,
} from '../protocol/topic-types.js';

/**
 * The application's topics and what their events carry, declared once:
 *
 * ```ts
 * declare module 'nestjs-push' {
 *   interface PushTopics {
 *     'orders.*': { status: 'paid' | 'shipped' };
 *     'rooms.*': TopicTypes<{ event: Line; publish: NewLine; presence: { typing: boolean } }>;
 *   }
 * }
 * ```
 *
 * Where something is declared, topics that no declaration matches do not compile, except reserved ones and a `string` that only the
 * program knows: their data is `unknown`. The declaration `'>': unknown` lets all others through.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by the application
export interface PushTopics {}

/** As `DeclaredTopic`, for a pattern that may have parameters. */
export type DeclaredPattern<Topics, Pattern extends string> =
  WideOf<Pattern> extends DeclaredTopic<Topics, WideOf<Pattern>> ? Pattern : keyof Topics & string;
