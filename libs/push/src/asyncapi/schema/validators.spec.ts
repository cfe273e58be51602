import * as v from 'class-validator';
import { classOf, taken, verdicts } from '../../../test/models/payload-judge.js';

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
