import type { Type } from '@nestjs/common';
import { getMetadataStorage } from 'class-validator';
import { isStandardSchema, type DocumentedSchema } from '../../contracts/payload-schema.js';
import { described, type JsonSchema } from './json-schema.js';
import { isRequired, schemaOfProperty, type Rule } from './property-schema.js';
import { localSchema, standardJsonSchema } from './standard-json-schema.js';
import { nameOnWire, type Variant } from './transformations.js';

/** Where documents have their schemas. */
const place = '#/components/schemas/';

/**
 * The JSON Schemas of what an application declares: of classes with class-validator decorators, of Standard Schemas, and those that
 * are JSON Schemas already. What has a name becomes a component of the document.
 */
export class PayloadSchemas {
  /** The components so far, by name. */
  readonly components: Record<string, JsonSchema> = {};
  private readonly names = new Map<object, string>();

  /** @param name for a schema that has none */
  of(schema: DocumentedSchema | undefined, name: string): JsonSchema {
    if (schema === undefined) return {};
    if (isStandardSchema(schema)) return this.component(schema, name, () => standardJsonSchema(schema, name));
    if (typeof schema === 'function') return this.ofClass(schema as Type<object>);
    return this.component(schema, name, () => schema);
  }

  private ofClass(type: Type<object>): JsonSchema {
    const name = this.nameOf(type, type.name);
    if (name.isNew) {
      // A class may hold itself.
      this.components[name.text] = {};
      this.components[name.text] = this.objectSchema(type);
    }
    return { $ref: place + name.text };
  }

  /** A schema with references into itself has to be a component; any other one may be. */
  private component(schema: object, fallback: string, make: () => JsonSchema): JsonSchema {
    const known = this.names.get(schema);
    if (known !== undefined) return { $ref: place + known };
    const made = make();
    const title = typeof made.title === 'string' && /^[\w.-]+$/.test(made.title) ? made.title : fallback;
    const { text } = this.nameOf(schema, title);
    this.components[text] = localSchema(made, place + text);
    return { $ref: place + text };
  }

  private nameOf(schema: object, wanted: string): { text: string; isNew: boolean } {
    const known = this.names.get(schema);
    if (known !== undefined) return { text: known, isNew: false };
    const base = wanted.replace(/[^\w.-]/g, '_') || 'Payload';
    let text = base;
    for (let n = 2; Object.hasOwn(this.components, text); n++) text = `${base}${n}`;
    this.names.set(schema, text);
    return { text, isNew: true };
  }

  /** A variant that a field decides about may have that field, which is taken off before validation. */
  private ofVariant({ type, discriminator }: Variant): JsonSchema {
    if (!discriminator) return this.ofClass(type);
    const schema = this.objectSchema(type);
    const { properties, required = [] } = schema as { properties: object; required?: readonly string[] };
    const { property, name } = discriminator;
    return {
      ...schema,
      properties: { [property]: { type: 'string', enum: [name] }, ...without(properties, property) },
      required: [property, ...required.filter((each) => each !== property)],
    };
  }

  private objectSchema(type: Type<object>): JsonSchema {
    const rules = getMetadataStorage().getTargetValidationMetadatas(
      type,
      '',
      false,
      false,
    ) as readonly Rule[];
    const byProperty = new Map<string, Rule[]>();
    for (const rule of rules)
      byProperty.set(rule.propertyName, [...(byProperty.get(rule.propertyName) ?? []), rule]);
    const defaults = defaultsOf(type);
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    for (const [name, own] of byProperty) {
      const property = { type, name, rules: own, schemaOf: (variant: Variant) => this.ofVariant(variant) };
      const key = nameOnWire(type, name);
      const value = defaults[name];
      properties[key] = described(schemaOfProperty(property), isPlain(value) ? { default: value } : {});
      if (value === undefined && isRequired(property)) required.push(key);
    }
    const names = required.length > 0 ? { required } : {};
    return { title: type.name, type: 'object', properties, ...names, additionalProperties: false };
  }
}

/** The values that instances have before anything is set: what is missing in the data has them. */
function defaultsOf(type: Type<object>): Readonly<Record<string, unknown>> {
  try {
    return { ...new type() };
  } catch {
    return {};
  }
}

function isPlain(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function without(object: object, key: string): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
