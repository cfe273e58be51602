/**
 * The application's topics and what their events carry, declared once:
 *
 * ```ts
 * declare module 'nestjs-push' {
 *   interface PushTopics {
 *     'orders.*': { status: 'paid' | 'shipped' };
 *     'metrics': Metrics;
 *   }
 * }
 * ```
 *
 * Topics that nothing here matches stay usable; their data is `unknown`.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by the application
export interface PushTopics {}

type MatchesToken<Pattern extends string, Topic extends string> = Pattern extends '*'
  ? true
  : Topic extends Pattern
    ? true
    : false;

type Matches<Pattern extends string, Topic extends string> = Pattern extends '>'
  ? true
  : Pattern extends `${infer PatternHead}.${infer PatternRest}`
    ? Topic extends `${infer TopicHead}.${infer TopicRest}`
      ? MatchesToken<PatternHead, TopicHead> extends true
        ? Matches<PatternRest, TopicRest>
        : false
      : false
    : Topic extends `${string}.${string}`
      ? false
      : MatchesToken<Pattern, Topic>;

type Declared<Topics, Topic extends string> = {
  [Pattern in keyof Topics & string]: Matches<Pattern, Topic> extends true ? Topics[Pattern] : never;
}[keyof Topics & string];

/** What events of `Topic` (a topic or a pattern, or one of several) carry, by the declarations in `Topics`. */
export type PayloadOf<Topics, Topic extends string> = [Topic] extends [never]
  ? unknown
  : Topic extends string
    ? [Declared<Topics, Topic>] extends [never]
      ? unknown
      : Declared<Topics, Topic>
    : never;
