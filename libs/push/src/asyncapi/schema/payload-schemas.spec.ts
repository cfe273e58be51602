import { Type, Expose, Transform } from 'class-transformer';
import * as v from 'class-validator';
import fc from 'fast-check';
import { classOf, judgeOf, taken, verdicts } from '../../../test/models/payload-judge.js';
import { PayloadSchemas } from './payload-schemas.js';

class Address {
  @v.IsString()
  @v.Length(1, 40)
  street!: string;
}

class Line {
  @v.IsInt()
  @v.Min(1)
  count!: number;

  @v.IsOptional()
  @v.ValidateNested()
  @Type(() => Line)
  gift?: Line;
}

class Base {
  @v.IsUUID()
  id!: string;

  @v.IsString()
  note = 'none';
}

class Order extends Base {
  @v.IsDefined()
  @v.ValidateNested()
  @Type(() => Address)
  address!: Address;

  @v.ValidateNested({ each: true })
  @v.IsArray()
  @v.ArrayMaxSize(2)
  @Type(() => Line)
  lines!: Line[];

  @v.IsArray()
  @v.IsIn(['new', 'hot'], { each: true })
  tags!: string[];
}

const order = {
  id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8',
  note: 'x',
  address: { street: 'Main' },
  lines: [{ count: 1 }, { count: 2, gift: { count: 1 } }],
  tags: ['new'],
};

it('nested objects, arrays of them, a class that holds itself, inheritance and defaults', async () => {
  const { note: _, ...withoutNote } = order;
  const { address: __, ...withoutAddress } = order;
  const good = [order, withoutNote, { ...order, lines: [] }, { ...order, tags: [] }];
  const bad = [
    withoutAddress,
    { ...order, id: 'x' },
    { ...order, other: 1 },
    { ...order, address: { street: '' } },
    { ...order, address: { street: 'Main', extra: 1 } },
    { ...order, address: null },
    { ...order, address: 'Main' },
    { ...order, lines: [{ count: 0 }] },
    { ...order, lines: [{ count: 1, gift: { count: 0 } }] },
    { ...order, lines: [{ count: 1, gift: { count: 1, extra: 1 } }] },
    { ...order, lines: [null] },
    { ...order, lines: [{ count: 1 }, { count: 1 }, { count: 1 }] },
    { ...order, tags: ['old'] },
    { ...order, note: null },
  ];
  expect(taken(await verdicts(Order, [...good, ...bad]))).toEqual(good);
});

it('the schema of a class, as a document has it', () => {
  const schemas = new PayloadSchemas();
  expect(schemas.of(Order, 'x')).toEqual({ $ref: '#/components/schemas/Order' });
  expect(schemas.components.Line).toEqual({
    title: 'Line',
    type: 'object',
    properties: {
      count: { type: 'integer', minimum: 1 },
      gift: { anyOf: [{ $ref: '#/components/schemas/Line' }, { type: 'null' }] },
    },
    required: ['count'],
    additionalProperties: false,
  });
  expect(schemas.components.Order).toMatchObject({
    properties: { note: { type: 'string', default: 'none' } },
    required: expect.not.arrayContaining(['note']) as string[],
  });
});

it('random values are taken by both, or by neither', async () => {
  const judge = judgeOf(Order);
  const scalar = fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.constant(null), fc.boolean());
  const maybe = <T>(good: fc.Arbitrary<T>) => fc.oneof({ weight: 6, arbitrary: good }, scalar);
  const line = fc.record(
    {
      count: maybe(fc.integer({ min: -1, max: 3 })),
      gift: maybe(fc.record({ count: fc.integer({ min: 0, max: 2 }) })),
    },
    { requiredKeys: [] },
  );
  const value = fc.record(
    {
      id: maybe(fc.uuid()),
      note: maybe(fc.string()),
      address: maybe(fc.record({ street: maybe(fc.string({ maxLength: 42 })) }, { requiredKeys: [] })),
      lines: maybe(fc.array(line, { maxLength: 3 })),
      tags: maybe(fc.array(fc.constantFrom('new', 'hot', 'old'), { maxLength: 2 })),
    },
    { requiredKeys: ['id', 'address', 'tags', 'lines'] },
  );
  const seen = { true: 0, false: 0 };
  await fc.assert(
    fc.asyncProperty(value, async (data) => {
      const verdict = await judge.server(data);
      seen[`${verdict}`]++;
      expect(judge.schema(data)).toBe(verdict);
    }),
    { numRuns: 400, seed: 16 },
  );
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(5);
});

class Card {
  @v.IsString()
  number!: string;
}

class Cash {
  @v.IsInt()
  cents!: number;
}

class Payment {
  @v.IsDefined()
  @v.ValidateNested()
  @Type(() => Object, {
    discriminator: {
      property: 'kind',
      subTypes: [
        { value: Card, name: 'card' },
        { value: Cash, name: 'cash' },
      ],
    },
  })
  by!: Card | Cash;

  @Expose({ name: 'sent_at' })
  @v.IsDate()
  @Type(() => Date)
  sentAt!: Date;

  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @v.IsString()
  name!: string;
}

it('a class by a field, names on the wire, dates and transformations', async () => {
  const payment = { by: { kind: 'card', number: '4' }, sent_at: '2026-11-29T20:00:00Z', name: ' ann ' };
  const good = [payment, { ...payment, by: { kind: 'cash', cents: 5 } }];
  const bad = [
    { ...payment, by: { kind: 'cash', number: '4' } },
    { ...payment, by: { kind: 'gold' } },
    { ...payment, by: { number: '4' } },
    { ...payment, sent_at: 'soon' },
    { ...payment, name: 1 },
    { by: payment.by, name: 'ann' },
  ];
  expect(taken(await verdicts(Payment, [...good, ...bad]))).toEqual(good);
});

it('what depends on a condition, or on a validator of the application, is left open, and named', async () => {
  class Conditional {
    @v.ValidateIf((object: Conditional) => object.kind === 'card')
    @v.IsString()
    number?: string;

    @v.IsString()
    kind!: string;

    @v.ValidateBy({ name: 'isPalindrome', validator: { validate: (value) => value === 'anna' } })
    word!: string;

    @v.IsStrongPassword()
    secret!: string;
  }
  const schemas = new PayloadSchemas();
  schemas.of(Conditional, 'x');
  expect(schemas.components.Conditional).toMatchObject({
    properties: {
      number: {
        anyOf: [{ type: 'string' }, { description: expect.stringContaining('does not check') as string }],
      },
      word: { description: 'The server checks isPalindrome.' },
      secret: { type: 'string', description: 'The server checks isStrongPassword.' },
    },
    required: ['kind', 'secret'],
  });
  const judge = judgeOf(Conditional);
  const cash = { kind: 'cash', word: 'anna', secret: 'aB3$efgh9' };
  for (const value of [cash, { ...cash, number: 5 }, { ...cash, kind: 'card', number: '4' }])
    expect([await judge.server(value), judge.schema(value)]).toEqual([true, true]);
});

it('two classes of one name have schemas of their own', () => {
  const schemas = new PayloadSchemas();
  const one = classOf(v.IsString());
  const other = classOf(v.IsInt());
  expect([one, other, one].map((type) => schemas.of(type, 'x').$ref)).toEqual([
    '#/components/schemas/Payload',
    '#/components/schemas/Payload2',
    '#/components/schemas/Payload',
  ]);
});
