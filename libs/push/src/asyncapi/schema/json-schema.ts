/** A JSON Schema (draft 7), which AsyncAPI takes as it is. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Makes a schema of the arguments of a class-validator decorator. */
export type ValidatorSchema = (constraints: readonly unknown[]) => JsonSchema;

/** What nothing satisfies. */
export const nothing: JsonSchema = { not: {} };

/** One of the values; nothing if there are none. */
export function oneOfValues(values: readonly unknown[]): JsonSchema {
  return values.length > 0 ? { enum: values } : nothing;
}

/** What satisfies all of the schemas. They become one where they do not contradict each other. */
export function intersection(schemas: readonly JsonSchema[]): JsonSchema {
  const merged: Record<string, unknown> = {};
  const others: JsonSchema[] = [];
  for (const { description, ...schema } of schemas) {
    if (description !== undefined) merged.description = joined(merged.description, description);
    if (isMergeable(merged, schema)) Object.assign(merged, schema, typeOf(merged, schema));
    else others.push(schema);
  }
  if (others.length === 0) return merged;
  const { description, ...rest } = merged;
  const all = Object.keys(rest).length > 0 ? [rest, ...others] : others;
  if (all.length === 1 && description === undefined) return all[0]!;
  return { ...(description !== undefined && { description }), allOf: all };
}

/** What satisfies the schema, and `null`. */
export function nullable(schema: JsonSchema): JsonSchema {
  if (Object.keys(schema).every((key) => key === 'description')) return schema;
  const isSimple =
    typeof schema.type === 'string' &&
    !['enum', 'const', 'not', 'allOf', 'anyOf', 'if'].some((key) => key in schema);
  if (isSimple) return { ...schema, type: [schema.type, 'null'] };
  return { anyOf: [schema, { type: 'null' }] };
}

/** Describes a schema, also one that is a reference: nothing may stand beside that. */
export function described(schema: JsonSchema, about: JsonSchema): JsonSchema {
  if (Object.keys(about).length === 0) return schema;
  return '$ref' in schema ? { allOf: [schema], ...about } : { ...schema, ...about };
}

function isMergeable(merged: JsonSchema, schema: JsonSchema): boolean {
  const isAlone = (one: JsonSchema) => Object.keys(one).every((key) => key === 'description');
  if ('$ref' in schema) return isAlone(merged);
  if ('$ref' in merged) return isAlone(schema);
  return Object.entries(schema).every(
    ([key, value]) =>
      !(key in merged) ||
      isSame(merged[key], value) ||
      (typeOf(merged, schema) !== undefined && key === 'type'),
  );
}

/** `integer`, if one is that and the other a number. */
function typeOf({ type: one }: JsonSchema, { type: other }: JsonSchema): JsonSchema | undefined {
  const types = [one, other].toSorted();
  return types[0] === 'integer' && types[1] === 'number' ? { type: 'integer' } : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function joined(one: unknown, other: unknown): unknown {
  return one === undefined ? other : `${String(one)} ${String(other)}`;
}
