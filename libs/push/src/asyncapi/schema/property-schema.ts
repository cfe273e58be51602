import type { Type } from '@nestjs/common';
import { described, intersection, nothing, nullable, type JsonSchema } from './json-schema.js';
import { isTransformed, typeOfProperty, variantsOf, type Variant } from './transformations.js';
import { needsValue, schemaOfValidator, serverChecks } from './validators.js';

/** What class-validator knows of one decorator of a property. */
export interface Rule {
  readonly type: string;
  /** The name of the validator; missing for some decorators of the application's own. */
  readonly name?: string;
  readonly propertyName: string;
  readonly constraints?: readonly unknown[];
  readonly each?: boolean;
  /** Under which condition the decorator holds. */
  readonly validateIf?: unknown;
}

/** A property of a class with class-validator decorators. */
export interface Property {
  readonly type: Type<object>;
  readonly name: string;
  readonly rules: readonly Rule[];
  /** The schema of an object that becomes an instance of a class. */
  readonly schemaOf: (variant: Variant) => JsonSchema;
}

/** The kinds of decorators that class-validator tells apart. */
const checks: readonly string[] = ['customValidation', 'isDefined'];
const nested = 'nestedValidation';
const conditional = 'conditionalValidation';

const unchecked = { description: 'Anything else, where the class does not check it.' };

/** The schema of a property that is there. */
export function schemaOfProperty(property: Property): JsonSchema {
  const schema = described(checkedSchema(property), documentationOf(property));
  const conditions = property.rules.filter(({ type }) => type === conditional);
  if (conditions.some(({ name }) => name !== 'isOptional')) return { anyOf: [schema, unchecked] };
  return conditions.length > 0 ? nullable(schema) : schema;
}

/** Whether an object without the property is refused. */
export function isRequired({ rules }: Property): boolean {
  if (rules.some(({ type }) => type === conditional)) return false;
  return rules.some(
    ({ type, name, constraints, validateIf }) =>
      checks.includes(type) && validateIf === undefined && needsValue(name, constraints),
  );
}

function checkedSchema(property: Property): JsonSchema {
  const { rules } = property;
  const ofItems: JsonSchema[] = [];
  const ofValue: JsonSchema[] = [];
  for (const rule of rules.filter(({ type }) => checks.includes(type)))
    (rule.each ? ofItems : ofValue).push(schemaOfRule(rule, property));
  const declared = declaredType(property);
  const nestedRules = rules.filter(({ type }) => type === nested);
  const isList = declared === Array || ofValue.some(({ type }) => type === 'array');
  if (nestedRules.length > 0) {
    const object = objectOf(property);
    if (isList || nestedRules.some(({ each }) => each)) ofItems.push(object);
    else ofValue.push(object);
  }
  if (ofItems.length === 0) return intersection(ofValue);
  const item = intersection(ofItems);
  const all = { type: 'array', items: item };
  // Without an array, `each` validates the value itself.
  const isOther = !isList && nestedRules.length === 0 && declared !== Array;
  return intersection([...ofValue, isOther ? eitherOf(all, item) : all]);
}

/** An array of values, or one of them. */
function eitherOf(all: JsonSchema, item: JsonSchema): JsonSchema {
  const isSingle = typeof item.type === 'string' && item.type !== 'array';
  return { anyOf: [all, isSingle ? item : { allOf: [{ not: { type: 'array' } }, item] }] };
}

function schemaOfRule({ name, constraints, validateIf }: Rule, property: Property): JsonSchema {
  if (validateIf !== undefined) return serverChecks(`${name ?? 'more'} under a condition`);
  if (name === 'isDate' || name === 'minDate' || name === 'maxDate') return dateOf(name, property);
  if (name === 'isInstance') return {};
  return schemaOfValidator(name, constraints);
}

/** JSON has no dates: something has to make one of a string. */
function dateOf(name: string, { type, name: property }: Property): JsonSchema {
  const isMade = typeOfProperty(type, property) === Date || isTransformed(type, property);
  if (!isMade) return nothing;
  return { type: 'string', format: 'date-time', ...(name !== 'isDate' && serverChecks(name)) };
}

function objectOf({ type, name, schemaOf }: Property): JsonSchema {
  const schemas = variantsOf(type, name).map(schemaOf);
  if (schemas.length === 0) return nothing;
  return schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
}

/** The type of the property in TypeScript, as far as its compiler tells. */
function declaredType({ type, name }: Property): unknown {
  return Reflect.getMetadata('design:type', type.prototype as object, name);
}

/** What `@ApiProperty()` of `@nestjs/swagger` says of the property. */
function documentationOf({ type, name }: Property): JsonSchema {
  const { description, example, deprecated } = (Reflect.getMetadata(
    'swagger/apiModelProperties',
    type.prototype as object,
    name,
  ) ?? {}) as { description?: string; example?: unknown; deprecated?: boolean };
  return {
    ...(description !== undefined && { description }),
    ...(deprecated && { deprecated }),
    ...(example !== undefined && { examples: [example] }),
  };
}
