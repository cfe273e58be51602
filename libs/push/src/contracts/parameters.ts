import { PushError } from './errors.js';
import { assertPattern, covers } from './topic.js';

/** A topic pattern of the application that may have parameters (`:name`): `orders.:id`, `users.:id.>`. */
export interface ParameterPattern {
  /** The pattern with `*` in place of each parameter. */
  readonly wide: string;
  /** For each token the name of the parameter, or `undefined`. */
  readonly names: readonly (string | undefined)[];
}

/** The parameters of a pattern, by name: `{ id: string }` for `orders.:id`. */
export type ParamsOf<Pattern extends string> = {
  readonly [Name in NamesIn<Pattern>]: string;
};

type NamesIn<Pattern extends string> = Pattern extends `${infer Head}.${infer Rest}`
  ? NamesIn<Head> | NamesIn<Rest>
  : Pattern extends `:${infer Name}`
    ? Name
    : never;

/** The parameters of a pattern; of one that only the program knows, whatever they are. */
export type KnownParamsOf<Pattern extends string> = string extends Pattern
  ? Readonly<Record<string, string>>
  : ParamsOf<Pattern>;

/** A pattern with `*` in place of each parameter, as `PushTopics` declares it. */
export type WideOf<Pattern extends string> = Pattern extends `${infer Head}.${infer Rest}`
  ? `${WideOf<Head>}.${WideOf<Rest>}`
  : Pattern extends `:${string}`
    ? '*'
    : Pattern;

/**
 * Reads a pattern with parameters.
 *
 * @throws PushError `INVALID_TOPIC`; `INVALID_OPTION` for a parameter without a name, and for a name that is used twice
 */
export function parametersOf(pattern: string): ParameterPattern {
  const tokens = typeof pattern === 'string' ? pattern.split('.') : [];
  const names = tokens.map((token) => (token.startsWith(':') ? token.slice(1) : undefined));
  const named = names.filter((name) => name !== undefined);
  if (named.includes('') || new Set(named).size < named.length)
    throw new PushError('INVALID_OPTION', `The parameters of "${pattern}" need names that differ.`);
  const wide =
    named.length > 0 ? tokens.map((token, at) => (names[at] === undefined ? token : '*')).join('.') : pattern;
  assertPattern(wide);
  return { wide, names };
}

/** The values of a pattern's parameters in a topic, by name; `undefined` if it does not match, or a parameter has no value. */
export function parametersIn(
  topic: string,
  { wide, names }: ParameterPattern,
): Readonly<Record<string, string>> | undefined {
  if (!covers(wide, topic)) return undefined;
  const tokens = topic.split('.');
  const params = Object.create(null) as Record<string, string>;
  for (const [index, name] of names.entries()) {
    if (name === undefined) continue;
    if (tokens[index] === '*') return undefined;
    params[name] = tokens[index]!;
  }
  return params;
}
