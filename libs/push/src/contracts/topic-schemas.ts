import type { TopicTypes } from '../protocol/topic-types.js';
import { PushError } from './errors.js';
import { refuse, shape, type Check } from './option-checks.js';
import { parametersOf, type WideOf } from './parameters.js';
import { isStandardSchema, type InputOf, type PayloadSchema, type ValidatedBy } from './payload-schema.js';
import { covers } from './topic.js';

/** What the data of a topic is, kind by kind. */
export interface TopicSchemaSet {
  /** The data of its events. */
  readonly event?: PayloadSchema;
  /** What clients publish. Default: `event`. */
  readonly publish?: PayloadSchema;
  /** What a `@PushSnapshot()` method loads. Default: `event`. */
  readonly snapshot?: PayloadSchema;
  /** What clients say of themselves where they are present. Default: any JSON. */
  readonly presence?: PayloadSchema;
  /** What the end of a finite topic carries. Default: `event`. */
  readonly result?: PayloadSchema;
}

/**
 * Topics or patterns, which may have parameters (`orders.:id`), with the schema of their events, or a {@link TopicSchemaSet}. Of
 * several that match a topic, the first holds.
 */
export type TopicSchemas = Readonly<Record<string, PayloadSchema | TopicSchemaSet>>;

/** The schemas of the topics of one pattern. */
export interface DeclaredSchemas extends TopicSchemaSet {
  /** The pattern with `*` in place of each parameter. */
  readonly pattern: string;
}

/** The types of a schema, or of a set of them. */
type TypesOf<Schemas> = Schemas extends PayloadSchema
  ? TopicTypes<{ readonly event: InputOf<Schemas>; readonly valid: ValidatedBy<Schemas> }>
  : TopicTypes<{ readonly [Kind in keyof Schemas]: InputOf<Schemas[Kind]> } & ValidOfSet<Schemas>>;

type ValidOfSet<Schemas> = Schemas extends { readonly publish: infer Schema }
  ? { readonly valid: ValidatedBy<Schema> }
  : Schemas extends { readonly event: infer Schema }
    ? { readonly valid: ValidatedBy<Schema> }
    : unknown;

/**
 * What a map of schemas declares, for `PushTopics`:
 *
 * ```ts
 * export const schemas = { 'orders.*': z.object({ status: z.enum(['paid', 'shipped']) }) };
 *
 * declare module 'nestjs-push' {
 *   interface PushTopics extends TopicsOf<typeof schemas> {}
 * }
 * ```
 *
 * Data is stored as it is published: where a schema changes what it validates, events carry its input.
 */
export type TopicsOf<Schemas> = {
  readonly [Pattern in keyof Schemas & string as WideOf<Pattern>]: TypesOf<Schemas[Pattern]>;
};

/** The schemas in the order of their declaration, once they are checked. */
export function declaredSchemas(schemas: TopicSchemas): DeclaredSchemas[] {
  return Object.entries(schemas).map(([pattern, each]) => {
    const { wide } = parametersOf(pattern);
    return isSchema(each) ? { pattern: wide, event: each } : { ...each, pattern: wide };
  });
}

/** The schemas that hold for a topic, or for all that a pattern matches; `undefined` if there are none. */
export function schemasOf(declared: readonly DeclaredSchemas[], topic: string): DeclaredSchemas | undefined {
  return declared.find(({ pattern }) => covers(pattern, topic));
}

const validates: Check = (value, name) => {
  if (value !== undefined && !isSchema(value))
    refuse(name, value, 'a class with class-validator decorators, or a Standard Schema');
};

const schemaSet = shape<TopicSchemaSet>({
  event: validates,
  publish: validates,
  snapshot: validates,
  presence: validates,
  result: validates,
});

/** Checks a map of schemas. @throws PushError `INVALID_OPTION` */
export const checkSchemas: Check = (value, name) => {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(name, value, "an object of patterns and schemas: { 'orders.*': Order }");
  for (const [pattern, schemas] of Object.entries(value)) {
    const path = `${name}[${JSON.stringify(pattern)}]`;
    try {
      parametersOf(pattern);
    } catch (cause) {
      throw new PushError('INVALID_OPTION', `${path}: ${(cause as Error).message}`, { cause });
    }
    if (typeof schemas !== 'object' || schemas === null || isSchema(schemas))
      validates(schemas ?? null, path);
    else schemaSet(schemas, path);
  }
};

/** Whether it is one schema, and not a set. */
function isSchema(schemas: unknown): schemas is PayloadSchema {
  return typeof schemas === 'function' || isStandardSchema(schemas);
}
