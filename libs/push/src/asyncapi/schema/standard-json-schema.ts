import type { StandardSchema } from '../../contracts/payload-schema.js';
import { serverChecks } from './validators.js';
import type { JsonSchema } from './json-schema.js';

/** The newer part of Standard Schema: a schema that says what it is in JSON Schema. */
interface Converter {
  input(options: { readonly target: string }): JsonSchema;
}

/** Keywords whose values are data, not schemas. */
const data: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'example', 'examples']);

/**
 * The JSON Schema of what a Standard Schema takes, if its library says it: zod from 4.2 on, arktype from 2.1.28 on, valibot with
 * `toStandardJsonSchema()` of `@valibot/to-json-schema`. Of another one only that the server checks it is known.
 */
export function standardJsonSchema(schema: StandardSchema, name: string): JsonSchema {
  const { vendor, ...standard } = schema['~standard'];
  const { jsonSchema } = standard as { jsonSchema?: Partial<Converter> };
  if (typeof jsonSchema?.input !== 'function') return serverChecks(`${name} with ${vendor}`);
  try {
    return jsonSchema.input({ target: 'draft-07' });
  } catch (error) {
    // What a schema takes may be beyond JSON Schema.
    return serverChecks(
      `${name} with ${vendor}, which cannot say it in JSON Schema: ${(error as Error).message}`,
    );
  }
}

/** A schema in its place in a document, with its references to itself and its definitions. @param place a JSON pointer */
export function localSchema(schema: JsonSchema, place: string): JsonSchema {
  const { $schema: _, $id: __, ...rest } = schema;
  return moved(rest, place) as JsonSchema;
}

function moved(value: unknown, place: string, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((item) => moved(item, place));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, unknown] => {
      if (isMap) return [key, moved(inner, place)];
      if (key === '$ref' && typeof inner === 'string' && inner.startsWith('#'))
        return [key, place + inner.slice(1)];
      if (data.has(key)) return [key, inner];
      return [
        key,
        moved(inner, place, ['properties', 'patternProperties', 'definitions', '$defs'].includes(key)),
      ];
    }),
  );
}
