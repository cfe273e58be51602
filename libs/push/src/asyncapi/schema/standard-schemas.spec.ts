import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { Ajv } from 'ajv';
import { type } from 'arktype';
import * as valibot from 'valibot';
import { z } from 'zod';
import { payloadOf } from '../../access/payload.js';
import type { PayloadSchema, StandardSchema } from '../../contracts/payload-schema.js';
import { PayloadSchemas } from './payload-schemas.js';

const libraries: readonly [string, StandardSchema][] = [
  ['zod', z.strictObject({ status: z.enum(['paid', 'lost']), count: z.int().min(1).optional() })],
  [
    'valibot',
    toStandardJsonSchema(
      valibot.strictObject({
        status: valibot.picklist(['paid', 'lost']),
        count: valibot.optional(valibot.pipe(valibot.number(), valibot.integer(), valibot.minValue(1))),
      }),
    ),
  ],
  ['arktype', type({ '+': 'reject', status: "'paid' | 'lost'", 'count?': 'number.integer >= 1' })],
];

/** A schema as it is in a document, and the rest of that. */
function compiled(schema: PayloadSchema) {
  const schemas = new PayloadSchemas();
  const ref = schemas.of(schema, 'orders.publish');
  return { ref, components: schemas.components };
}

it.each(libraries)('what a schema of %s takes, its JSON Schema takes', async (_, schema) => {
  const { ref, components } = compiled(schema);
  expect(ref).toEqual({ $ref: '#/components/schemas/orders.publish' });
  const valid = new Ajv({ strict: false }).compile({ ...ref, components: { schemas: components } });
  const good = [{ status: 'paid' }, { status: 'lost', count: 2 }];
  const bad = [
    {},
    { status: 'sold' },
    { status: 'paid', count: 0 },
    { status: 'paid', count: 1.5 },
    null,
    [],
    'paid',
  ];
  const more = [{ status: 'paid', other: 1 }];
  for (const value of [...good, ...bad, ...more]) {
    const isTaken = await payloadOf(schema, value).then(
      () => true,
      () => false,
    );
    expect({ value, is: valid(value) }).toEqual({ value, is: isTaken });
    expect({ value, is: isTaken }).toEqual({ value, is: good.includes(value as (typeof good)[0]) });
  }
});

it('a policy gets what the schema makes of the data, which stays as it is', async () => {
  const data = { at: '2026-11-29T20:00:00Z' };
  const schema = z.object({ at: z.iso.datetime().transform((text) => Date.parse(text)) });
  expect(await payloadOf(schema, data)).toEqual({ at: Date.UTC(2026, 10, 29, 20) });
  expect(data).toEqual({ at: '2026-11-29T20:00:00Z' });
});

it('a refusal says what is wrong, and where', async () => {
  const schema = z.object({ lines: z.array(z.object({ count: z.int() })) });
  const refused = payloadOf(schema, { lines: [{ count: 'x' }] });
  await expect(refused).rejects.toMatchObject({
    response: { statusCode: 400, message: [expect.stringMatching(/^lines\.0\.count: .+/) as string] },
  });
});

it('a schema that holds itself is one component, with its references in it', () => {
  const node = z.object({
    name: z.string(),
    get children() {
      return z.array(node);
    },
  });
  const { ref, components } = compiled(node);
  const valid = new Ajv({ strict: false }).compile({ ...ref, components: { schemas: components } });
  expect(valid({ name: 'a', children: [{ name: 'b', children: [] }] })).toBe(true);
  expect(valid({ name: 'a', children: [{ name: 1, children: [] }] })).toBe(false);
});

it('what says nothing in JSON Schema is left open, and the document says who checks it', () => {
  const own: StandardSchema = {
    '~standard': { version: 1, vendor: 'ours', validate: (value) => ({ value }) },
  };
  expect(compiled(own).components).toEqual({
    'orders.publish': { description: 'The server checks orders.publish with ours.' },
  });
  const beyond = compiled(z.object({ at: z.date() })).components['orders.publish'];
  expect(beyond).toEqual({
    description: expect.stringMatching(/^The server checks orders.publish with zod, which/) as string,
  });
});

it('a JSON Schema is taken as it is; data in it that looks like a reference stays data', () => {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    properties: { $ref: { $ref: '#/definitions/link' } },
    definitions: { link: { const: { $ref: '#/x' } } },
  };
  const schemas = new PayloadSchemas();
  schemas.of(schema, 'link');
  expect(schemas.components).toEqual({
    link: {
      properties: { $ref: { $ref: '#/components/schemas/link/definitions/link' } },
      definitions: { link: { const: { $ref: '#/x' } } },
    },
  });
});
