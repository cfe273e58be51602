import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { Type, Expose, Transform } from 'class-transformer';
import * as v from 'class-validator';
import fc from 'fast-check';
import { payloadOf } from '../../access/payload.js';
import { PayloadSchemas } from './payload-schemas.js';

// Jest's own makes objects of another realm, of which class-transformer does not find the discriminator.
globalThis.structuredClone = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;

type Class = new () => object;

/** Whether the document's schema of a class, and the server, take a value. */
function judgeOf(type: Class) {
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
async function verdicts(type: Class, values: readonly unknown[]): Promise<[unknown, boolean][]> {
  const judge = judgeOf(type);
  const all: [unknown, boolean][] = [];
  for (const value of values) {
    const taken = await judge.server(value);
    expect({ value, is: judge.schema(value) }).toEqual({ value, is: taken });
    all.push([value, taken]);
  }
  return all;
}

const taken = (all: readonly [unknown, boolean][]) => all.filter(([, ok]) => ok).map(([value]) => value);

/** A class whose one property is decorated so. */
function classOf(...decorators: PropertyDecorator[]): Class {
  class Payload {
    value!: unknown;
  }
  for (const decorate of decorators) decorate(Payload.prototype, 'value');
  return Payload;
}

/** Values of every kind that JSON has. */
const hostile: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 2, 3, 4, 10, 0.5, 1e20, -7, 100.25],
  ...['', ' ', 'a', 'ab', 'abc', 'abcd', 'ABC', '0', '1', 'true', 'null', '💥', '💥💥', 'a.b', 'ünï', 'a\nb'],
  ...[
    [],
    [null],
    [1],
    ['a'],
    ['a', 'a'],
    ['a', 'b'],
    ['a', 1],
    [[]],
    [['a']],
    [{}],
    {},
    { a: 1 },
    { a: null },
  ],
];

enum Size {
  small = 'S',
  large = 'L',
}

const single: readonly [string, ...PropertyDecorator[]][] = [
  ['@IsString', v.IsString()],
  ['@IsNumber', v.IsNumber()],
  ['@IsInt', v.IsInt()],
  ['@IsBoolean', v.IsBoolean()],
  ['@IsArray', v.IsArray()],
  ['@IsObject', v.IsObject()],
  ['@IsNotEmptyObject', v.IsNotEmptyObject()],
  ['@IsNotEmptyObject that counts no null', v.IsNotEmptyObject({ nullable: false })],
  ['@IsDefined', v.IsDefined()],
  ['@IsNotEmpty', v.IsNotEmpty()],
  ['@IsEmpty', v.IsEmpty()],
  ['@Allow', v.Allow()],
  ['@Equals', v.Equals('a')],
  ['@NotEquals', v.NotEquals('a')],
  ['@IsIn', v.IsIn(['a', 1, null])],
  ['@IsNotIn', v.IsNotIn(['a', 1])],
  ['@IsEnum', v.IsEnum(Size)],
  ['@Min', v.Min(1)],
  ['@Max', v.Max(1)],
  ['@Min and @Max', v.Min(1), v.Max(3)],
  ['@IsInt, @Min and @Max', v.IsInt(), v.Min(1), v.Max(3)],
  ['@IsPositive', v.IsPositive()],
  ['@IsNegative', v.IsNegative()],
  ['@IsDivisibleBy', v.IsDivisibleBy(2)],
  ['@Length', v.Length(2, 3)],
  ['@Length without a maximum', v.Length(2)],
  ['@MinLength twice', v.MinLength(1), v.MinLength(3)],
  ['@MaxLength', v.MaxLength(2)],
  ['@Matches', v.Matches(/^a/)],
  ['@Matches twice', v.Matches(/^a/), v.Matches(/c/)],
  ['@Contains', v.Contains('.')],
  ['@NotContains', v.NotContains('.')],
  ['@IsAlpha', v.IsAlpha()],
  ['@IsAlphanumeric', v.IsAlphanumeric()],
  ['@IsAscii', v.IsAscii()],
  ['@IsNumberString', v.IsNumberString()],
  ['@IsBooleanString', v.IsBooleanString()],
  ['@ArrayMinSize', v.ArrayMinSize(2)],
  ['@ArrayMaxSize', v.ArrayMaxSize(1)],
  ['@ArrayNotEmpty', v.ArrayNotEmpty()],
  ['@ArrayUnique', v.ArrayUnique()],
  ['@ArrayContains', v.ArrayContains(['a', 'b'])],
  ['@ArrayNotContains', v.ArrayNotContains(['a'])],
  ['@IsOptional @IsString', v.IsOptional(), v.IsString()],
  ['@IsOptional @IsIn', v.IsOptional(), v.IsIn(['a', 'b'])],
  ['@IsOptional @IsArray', v.IsOptional(), v.IsArray()],
  ['@IsString of each', v.IsString({ each: true })],
  ['@IsNotEmpty of each', v.IsNotEmpty({ each: true })],
  ['@IsArray @IsString of each', v.IsArray(), v.IsString({ each: true })],
  ['@IsArray @Length of each', v.IsArray(), v.IsString({ each: true }), v.Length(1, 1, { each: true })],
  ['@IsArray @ArrayMaxSize @IsInt of each', v.IsArray(), v.ArrayMaxSize(2), v.IsInt({ each: true })],
  ['@IsString @IsInt, which nothing is', v.IsString(), v.IsInt()],
  ['@IsIn nothing', v.IsIn([])],
];

it.each(single)('what %s takes, the schema takes, and nothing else', async (_, ...decorators) => {
  const values = [{}, ...hostile.map((value) => ({ value })), { value: 'a', other: 1 }];
  const all = await verdicts(classOf(...decorators), values);
  expect(all).toHaveLength(values.length);
});

const formats: readonly [string, PropertyDecorator, unknown[], unknown[]][] = [
  [
    '@IsUUID',
    v.IsUUID(),
    ['6ba7b810-9dad-11d1-80b4-00c04fd430c8', '6BA7B810-9DAD-41D1-80B4-00C04FD430C8'],
    ['6ba7b810-9dad-11d1-c0b4-00c04fd430c8', '6ba7b8109dad11d180b400c04fd430c8', 'urn:uuid:x', 7],
  ],
  [
    '@IsUUID 4',
    v.IsUUID('4'),
    ['6ba7b810-9dad-41d1-80b4-00c04fd430c8'],
    ['6ba7b810-9dad-11d1-80b4-00c04fd430c8', null],
  ],
  ['@IsEmail', v.IsEmail(), ['ann@example.com'], ['ann', 'ann@', '@example.com', 1]],
  ['@IsDateString', v.IsDateString(), ['2026-11-29', '2026-11-29T20:00:00Z'], ['now', '29.11.2026', 0]],
  ['@IsISO8601', v.IsISO8601(), ['2026-11-29', '2026-11-29T20:00:00.5+01:00'], ['', 'x', {}]],
  ['@IsIP', v.IsIP(), ['127.0.0.1', '::1'], ['127.0.0', 'localhost', 1]],
  ['@IsIP 4', v.IsIP('4'), ['127.0.0.1'], ['::1']],
  ['@IsMongoId', v.IsMongoId(), ['507f1f77bcf86cd799439011'], ['507f1f77bcf86cd79943901', 'x'.repeat(24)]],
  ['@IsHexColor', v.IsHexColor(), ['#fff', '#A0b1C2'], ['#ff', 'red']],
  ['@IsHexadecimal', v.IsHexadecimal(), ['ff', '0xFF'], ['xyz', '']],
  ['@IsMilitaryTime', v.IsMilitaryTime(), ['23:59', '00:00'], ['24:00', '1:00', 5]],
  ['@IsPort', v.IsPort(), ['0', '80', '65535'], ['65536', '-1', 80]],
  ['@IsLatitude', v.IsLatitude(), [45, -90, '45.5'], [91, 'x', null]],
  [
    '@IsUrl with a protocol',
    v.IsUrl({ require_protocol: true }),
    ['https://example.com/a?b=c'],
    ['example.com', 3],
  ],
];

it.each(formats)('%s and its schema take and refuse the same', async (_, decorate, good, bad) => {
  const judged = await verdicts(
    classOf(decorate),
    [...good, ...bad].map((value) => ({ value })),
  );
  expect(taken(judged)).toEqual(good.map((value) => ({ value })));
});

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
