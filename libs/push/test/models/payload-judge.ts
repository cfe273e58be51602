import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { payloadOf } from '../../src/access/payload.js';
import { PayloadSchemas } from '../../src/asyncapi/schema/payload-schemas.js';

// Jest's own makes objects of another realm, of which class-transformer does not find the discriminator.
globalThis.structuredClone = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;

export type Class = new () => object;

/** Whether the document's schema of a class, and the server, take a value. */
export function judgeOf(type: Class) {
  const schemas = new PayloadSchemas();
  const ref = schemas.of(type, 'payload');
  const ajv = new Ajv({ strict: false, unicodeRegExp: true });
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  const valid = ajv.compile({ ...ref, components: { schemas: schemas.components } });
  return {
    schema: (value: unknown) => valid(value),
    server: (value: unknown) =>
      payloadOf(type, value).then(
        () => true,
        () => false,
      ),
  };
}

/** The verdict of both on each value; they have to agree. */
export async function verdicts(type: Class, values: readonly unknown[]): Promise<[unknown, boolean][]> {
  const judge = judgeOf(type);
  const all: [unknown, boolean][] = [];
  for (const value of values) {
    const taken = await judge.server(value);
    expect({ value, is: judge.schema(value) }).toEqual({ value, is: taken });
    all.push([value, taken]);
  }
  return all;
}

/** Those values that both took. */
export const taken = (all: readonly [unknown, boolean][]) =>
  all.filter(([, ok]) => ok).map(([value]) => value);

/** A class whose one property is decorated so. */
export function classOf(...decorators: PropertyDecorator[]): Class {
  class Payload {
    value!: unknown;
  }
  for (const decorate of decorators) decorate(Payload.prototype, 'value');
  return Payload;
}
