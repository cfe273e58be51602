import { event, eventId, gap, pattern, start, topic } from '../wire/protocol-schemas.js';
import type { AsyncApiDocument } from './asyncapi.options.js';
import type { JsonSchema } from './schema/json-schema.js';

/** What the messages of the protocol have in common. No class has a name with a dot. */
const shared: Readonly<Record<string, JsonSchema>> = {
  'push.Topic': topic,
  'push.Pattern': pattern,
  'push.EventId': eventId,
  'push.Start': start,
  'push.Event': event,
  'push.GapNotice': gap,
};

/** The document with references to the schemas that it has in many places, each of which it then has once. */
export function withSharedSchemas(document: AsyncApiDocument): AsyncApiDocument {
  const names = new Map<unknown, string>(Object.entries(shared).map(([name, schema]) => [schema, name]));
  const used = new Set<string>();
  const referring = (value: unknown, own?: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const name = value === own ? undefined : names.get(value);
    if (name !== undefined) {
      used.add(name);
      return { $ref: `#/components/schemas/${name}` };
    }
    if (Array.isArray(value)) return value.map((item) => referring(item));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, referring(item)]));
  };
  const rewritten = referring(document) as AsyncApiDocument & { components: { schemas: object } };
  const schemas = Object.entries(shared).map(([name, schema]) => [name, referring(schema, schema)] as const);
  // Those that are in use refer to others.
  const all = Object.fromEntries(schemas.filter(([name]) => used.has(name))) as Record<string, JsonSchema>;
  const components = { ...rewritten.components, schemas: { ...rewritten.components.schemas, ...all } };
  return { ...rewritten, components };
}
