import { oneOfValues, type JsonSchema, type ValidatorSchema } from './json-schema.js';
import { stringValidators } from './string-validators.js';

/** What a validator checks that no schema can say. */
export function serverChecks(what: string): JsonSchema {
  return { description: `The server checks ${what}.` };
}

const list = { type: 'array' };
const number = { type: 'number' };

function itemsOf(values: unknown): readonly unknown[] {
  return (Array.isArray(values) ? values : []).filter(isJson);
}

/** Of the values of an enum or a list, those that JSON can hold. */
function isJson(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isNumber([options]: readonly unknown[]): JsonSchema {
  const { maxDecimalPlaces: places } = (options ?? {}) as { maxDecimalPlaces?: number };
  if (places === undefined) return number;
  // `multipleOf` with a fraction goes wrong in floating point: 0.07 is no multiple of 0.01.
  return places === 0
    ? { type: 'integer' }
    : { ...number, ...serverChecks(`that it has ${places} decimals at most`) };
}

function isNotEmptyObject([options]: readonly unknown[]): JsonSchema {
  const { nullable } = (options ?? {}) as { nullable?: boolean };
  const object = { type: 'object', minProperties: 1 };
  return nullable === false ? { ...object, not: { additionalProperties: { type: 'null' } } } : object;
}

/** -90 to 90 for latitudes, -180 to 180 for longitudes; as a number, or in a string. */
function degrees(most: number): JsonSchema {
  const range = { type: 'number', minimum: -most, maximum: most };
  return { anyOf: [range, { type: 'string', pattern: '^[+-]?\\d{1,3}(\\.\\d+)?$' }] };
}

/** The schemas of class-validator's decorators, by the names of their validators. */
const validators: Readonly<Record<string, ValidatorSchema>> = {
  ...stringValidators,
  isDefined: () => ({ not: { type: 'null' } }),
  isNotEmpty: () => ({ not: { enum: ['', null] } }),
  isEmpty: () => ({ enum: ['', null] }),
  equals: ([value]) => oneOfValues(itemsOf([value])),
  notEquals: ([value]) => (isJson(value) ? { not: { enum: [value] } } : {}),
  isIn: ([values]) => oneOfValues(itemsOf(values)),
  isNotIn: ([values]) => (itemsOf(values).length > 0 ? { not: { enum: itemsOf(values) } } : {}),
  isEnum: ([, values]) => oneOfValues([...new Set(itemsOf(values))]),

  isBoolean: () => ({ type: 'boolean' }),
  isString: () => ({ type: 'string' }),
  isObject: () => ({ type: 'object' }),
  isNotEmptyObject,
  isNumber,
  isInt: () => ({ type: 'integer' }),
  isPositive: () => ({ ...number, exclusiveMinimum: 0 }),
  isNegative: () => ({ ...number, exclusiveMaximum: 0 }),
  min: ([least]) => ({ ...number, minimum: least }),
  max: ([most]) => ({ ...number, maximum: most }),
  isDivisibleBy: ([divisor]) =>
    typeof divisor === 'number' && Math.trunc(divisor) !== 0
      ? { ...number, multipleOf: Math.abs(Math.trunc(divisor)) }
      : number,
  isLatitude: () => degrees(90),
  isLongitude: () => degrees(180),

  isArray: () => list,
  arrayNotEmpty: () => ({ ...list, minItems: 1 }),
  arrayMinSize: ([least]) => ({ ...list, minItems: least }),
  arrayMaxSize: ([most]) => ({ ...list, maxItems: most }),
  arrayUnique: () => ({ ...list, uniqueItems: true }),
  arrayContains: ([values]) => ({
    ...list,
    allOf: itemsOf(values).map((value) => ({ contains: { enum: [value] } })),
  }),
  arrayNotContains: ([values]) =>
    itemsOf(values).length > 0 ? { ...list, not: { contains: { enum: itemsOf(values) } } } : list,
};

/** The schema for a validator; what the server checks besides, in words, for one that no schema can say. */
export function schemaOfValidator(
  name: string | undefined,
  constraints: readonly unknown[] | undefined,
): JsonSchema {
  const schema = name !== undefined && Object.hasOwn(validators, name) ? validators[name] : undefined;
  return schema?.(constraints ?? []) ?? serverChecks(name ?? 'more');
}

/** Whether a validator refuses a value that is missing. Of one that is not class-validator's own, it is not known. */
export function needsValue(name: string | undefined, constraints: readonly unknown[] | undefined): boolean {
  const [first] = constraints ?? [];
  switch (name) {
    case 'isEmpty':
      return false;
    case 'equals':
      return first !== undefined;
    case 'notEquals':
      return first === undefined;
    case 'isIn':
      return !(Array.isArray(first) && first.includes(undefined));
    case 'isNotIn':
      return Array.isArray(first) && first.includes(undefined);
    case 'isDate':
    case 'minDate':
    case 'maxDate':
      return true;
    default:
      return name !== undefined && Object.hasOwn(validators, name);
  }
}
