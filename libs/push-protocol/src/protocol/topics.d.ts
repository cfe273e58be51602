/**
 * Where a reader begins: `now` (only what comes), `last` (the newest retained event of each topic, then live), `last:50`
 * (the newest 50 of each, 1,000 at most), `earliest` (everything retained), `start` (everything since the log began, with a
 * gap if some of that is gone), `snapshot` (the state of each topic as the application loads it, then the events after that), or
 * an event's id (everything after it).
 */
export type Start = 'now' | 'last' | `last:${number}` | 'earliest' | 'start' | 'snapshot' | (string & {});

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

/**
 * What events of `Topic` (a topic or a pattern, or one of several) carry, by the application's declarations in `Topics`
 * (pattern → data). `unknown` where they say nothing.
 */
export type PayloadOf<Topics, Topic extends string> = [Topic] extends [never]
  ? unknown
  : Topic extends string
    ? [Declared<Topics, Topic>] extends [never]
      ? unknown
      : Declared<Topics, Topic>
    : never;
