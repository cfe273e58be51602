/**
 * What a topic is declared to carry where that is more than the data of its events:
 * `'rooms.*': TopicTypes<{ event: Line; publish: NewLine; presence: { typing: boolean } }>`.
 *
 * Nothing has this type at run time.
 */
export interface TopicTypes<Types extends TopicFacets = TopicFacets> {
  readonly '~topic': Types;
}

/** The kinds of data that belong to a topic. */
export interface TopicFacets {
  /** The data of its events. Default: `unknown`. */
  readonly event?: unknown;
  /** What clients publish, where the server makes another event of it (`transform` of a policy). Default: `event`. */
  readonly publish?: unknown;
  /** What validation makes of what clients publish, for the server's policies. Default: `publish`. */
  readonly valid?: unknown;
  /** Its state, as a `@PushSnapshot()` method of the server loads it. Default: `event`. */
  readonly snapshot?: unknown;
  /** What clients say of themselves where they are present. Default: `unknown`. */
  readonly presence?: unknown;
  /** The result of its run: what the end of a finite topic carries. Default: `event`. */
  readonly result?: unknown;
}

type MeetsToken<One extends string, Other extends string> = '*' extends One | Other
  ? true
  : One extends Other
    ? true
    : Other extends One
      ? true
      : false;

/** Whether there is a topic that both patterns match. */
type Meets<One extends string, Other extends string> = '>' extends One | Other
  ? true
  : One extends `${infer OneHead}.${infer OneRest}`
    ? Other extends `${infer OtherHead}.${infer OtherRest}`
      ? MeetsToken<OneHead, OtherHead> extends true
        ? Meets<OneRest, OtherRest>
        : false
      : false
    : Other extends `${string}.${string}`
      ? false
      : MeetsToken<One, Other>;

type CoversToken<Wide extends string, Narrow extends string> = Wide extends '*'
  ? true
  : Narrow extends Wide
    ? true
    : false;

/** Whether everything that `Narrow` matches is matched by `Wide`. */
type Covers<Wide extends string, Narrow extends string> = Wide extends '>'
  ? true
  : Narrow extends '>'
    ? false
    : Wide extends `${infer WideHead}.${infer WideRest}`
      ? Narrow extends `${infer NarrowHead}.${infer NarrowRest}`
        ? CoversToken<WideHead, NarrowHead> extends true
          ? Covers<WideRest, NarrowRest>
          : false
        : false
      : Narrow extends `${string}.${string}`
        ? false
        : CoversToken<Wide, Narrow>;

/** Whether it is reserved: no wildcard stands for its first token. */
type IsReserved<Topic extends string> = Topic extends `$${string}` ? true : false;

/** The declared patterns but `>`, which is for what no other pattern declares. */
type Patterns<Topics> = Exclude<keyof Topics & string, '>'>;

type Overlapping<Topics, Topic extends string> = {
  [Pattern in Patterns<Topics>]: IsReserved<Pattern> extends IsReserved<Topic>
    ? Meets<Pattern, Topic> extends true
      ? Pattern
      : never
    : never;
}[Patterns<Topics>];

type Covering<Topics, Topic extends string> = {
  [Pattern in Patterns<Topics>]: Covers<Pattern, Topic> extends true ? Pattern : never;
}[Patterns<Topics>];

/** The declaration `>`, if there is one, and `Topic` is not reserved. */
type Rest<Topics, Topic extends string> =
  IsReserved<Topic> extends true ? never : Extract<keyof Topics & string, '>'>;

/**
 * The patterns whose declarations hold for `Topic`: all that share a topic with it. `>` is one of them unless others declare
 * all of `Topic`.
 */
type Declaring<Topics, Topic extends string> = [Covering<Topics, Topic>] extends [never]
  ? Overlapping<Topics, Topic> | Rest<Topics, Topic>
  : Overlapping<Topics, Topic>;

/** The data of one kind, by a declaration. */
type Facet<Entry, Name extends keyof TopicFacets> = Entry extends { readonly '~topic': infer Types }
  ? Types extends { readonly [Key in Name]: infer Data }
    ? Data
    : Name extends 'event' | 'presence'
      ? unknown
      : Facet<Entry, Name extends 'valid' ? 'publish' : 'event'>
  : Name extends 'presence'
    ? unknown
    : Entry;

/** Data of `Topic` of the kind `Name`, by the application's declarations: what the types that follow are made of. */
export type FacetOf<Topics, Topic extends string, Name extends keyof TopicFacets> = [Topic] extends [never]
  ? unknown
  : Topic extends string
    ? [string extends Topic ? never : Declaring<Topics, Topic>] extends [never]
      ? unknown
      : Facet<Topics[Declaring<Topics, Topic> & keyof Topics], Name>
    : never;

/**
 * What events of `Topic` (a topic or a pattern, or one of several) carry, by the application's declarations in `Topics`
 * (pattern → data, or {@link TopicTypes}). `unknown` where they say nothing.
 */
export type PayloadOf<Topics, Topic extends string> = FacetOf<Topics, Topic, 'event'>;

/** What clients publish to `Topic`, by the application's declarations. */
export type PublishedBy<Topics, Topic extends string> = FacetOf<Topics, Topic, 'publish'>;

/** What validation makes of what clients publish to `Topic`, by the application's declarations. */
export type ValidOf<Topics, Topic extends string> = FacetOf<Topics, Topic, 'valid'>;

/** The state of `Topic`, by the application's declarations. */
export type SnapshotOf<Topics, Topic extends string> = FacetOf<Topics, Topic, 'snapshot'>;

/** What clients say of themselves in `Topic`, by the application's declarations. */
export type PresenceOf<Topics, Topic extends string> = FacetOf<Topics, Topic, 'presence'>;

/** The result of a run of `Topic`, by the application's declarations. */
export type ResultOf<Topics, Topic extends string> = FacetOf<Topics, Topic, 'result'>;

/**
 * `Topic`, if it may be used: a parameter of this type takes no topic or pattern that shares nothing with the declarations. Where
 * nothing is declared, every topic may be used; and so may a `string` that only the program knows, and reserved topics (`$…`).
 */
export type DeclaredTopic<Topics, Topic extends string> = [keyof Topics] extends [never]
  ? Topic
  : Topic extends string
    ? string extends Topic
      ? Topic
      : [IsReserved<Topic>, Declaring<Topics, Topic>] extends [false, never]
        ? keyof Topics & string
        : Topic
    : never;
