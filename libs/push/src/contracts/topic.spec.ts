import { array, assert, constantFrom, property, string } from 'fast-check';
import { PushError } from './errors.js';
import {
  assertPattern,
  assertTopic,
  covers,
  hasInnerWildcard,
  isPattern,
  isTopic,
  isWildcard,
  overlaps,
} from './topic.js';

/** The grammar, said in another way. */
function matches(pattern: readonly string[], topic: readonly string[]): boolean {
  const [token, ...rest] = pattern;
  const [own, ...others] = topic;
  if (token === undefined || own === undefined) return token === own;
  if (token === '>') return true;
  return (token === '*' || token === own) && matches(rest, others);
}

const alphabet = ['a', 'b'];
const topics = array(constantFrom(...alphabet), { minLength: 1, maxLength: 4 });
const patterns = array(constantFrom(...alphabet, '*', '>'), { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.map((token, i) => (token === '>' && i < tokens.length - 1 ? '*' : token)))
  .map((tokens) => tokens.join('.'));

/** All topics of up to five tokens over the alphabet and one token more, which no pattern names. */
function allTopics(length = 5): string[][] {
  if (length === 0) return [[]];
  const shorter = allTopics(length - 1);
  const longest = shorter.filter((topic) => topic.length === length - 1);
  return [...shorter, ...longest.flatMap((topic) => [...alphabet, 'x'].map((token) => [...topic, token]))];
}
const every = allTopics().filter((topic) => topic.length > 0);

describe('The grammar of topics', () => {
  it.each([
    'a',
    'orders.42',
    'a.b.c',
    '!.~',
    'a/b:c@d',
    '%C3%A4',
    '-',
    '$SYS.x',
    'a-b_c',
    '<',
    '__proto__',
    '\\',
  ])('%s is a topic, and a pattern', (topic) => {
    expect(isTopic(topic)).toBe(true);
    expect(isPattern(topic)).toBe(true);
    expect(isWildcard(topic)).toBe(false);
  });

  it.each(['*', '>', 'a.*', 'a.>', '*.a', '*.*.>', 'a.*.b'])('%s is a pattern and no topic', (pattern) => {
    expect(isTopic(pattern)).toBe(false);
    expect(isPattern(pattern)).toBe(true);
    expect(isWildcard(pattern)).toBe(true);
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a\tb',
    'a\n',
    'ä',
    '\u007f',
    'a*',
    '*a',
    '**',
    'a.b*',
    '>.a',
    'a>',
    '>>',
    'a.>.b',
    'a\0',
    undefined,
    null,
    1,
    {},
    ['a'],
  ])('%j is neither', (value) => {
    expect(isTopic(value)).toBe(false);
    expect(isPattern(value)).toBe(false);
  });

  it('has 255 characters at most', () => {
    expect(isTopic('a'.repeat(255))).toBe(true);
    expect(isTopic('a'.repeat(256))).toBe(false);
    expect(isPattern(`${'a'.repeat(253)}.>`)).toBe(true);
    expect(isPattern(`${'a'.repeat(254)}.>`)).toBe(false);
  });

  it('has 32 tokens at most', () => {
    const tokens = (count: number, last = 'a') => [...Array<string>(count - 1).fill('a'), last].join('.');
    expect([32, 33].map((count) => isTopic(tokens(count)))).toEqual([true, false]);
    for (const last of ['a', '*', '>'])
      expect([32, 33].map((count) => isPattern(tokens(count, last)))).toEqual([true, false]);
    expect(() => assertTopic(tokens(33))).toThrow('33 tokens');
    expect(() => assertPattern(tokens(127, '>'))).toThrow('127 tokens');
    // What is stored already may be deeper, and is delivered.
    expect(covers(`a.*.${tokens(50)}.>`, `a.b.${tokens(60)}`)).toBe(true);
  });

  it.each([
    ['a.b', false],
    ['a.*', false],
    ['*', false],
    ['>', false],
    ['a.>', false],
    ['*.a', true],
    ['*.*', true],
    ['*.>', true],
    ['a.*.b', true],
    ['a.*.>', true],
  ])('%s has a wildcard before its last token: %s', (pattern, expected) => {
    expect(hasInnerWildcard(pattern)).toBe(expected);
  });

  it('takes what it takes token by token, and answers hostile input at once', () => {
    const isToken = (token: string) => /^[\x21-\x7e]+$/.test(token) && !/[*>]/.test(token);
    assert(
      property(
        string({ unit: constantFrom('a', '.', '*', '>', ' ', '~', '/', 'ä'), maxLength: 12 }),
        (value) => {
          const tokens = value.split('.');
          const last = tokens.length - 1;
          expect(isTopic(value)).toBe(tokens.every(isToken));
          const fits = (token: string, i: number) =>
            isToken(token) || token === '*' || (token === '>' && i === last);
          expect(isPattern(value)).toBe(tokens.every(fits));
        },
      ),
    );
    const started = process.cpuUsage();
    for (const end of [' ', '.', '*', '\n']) isPattern(`${'a'.repeat(222)}${'.a'.repeat(16)}${end}`);
    expect(process.cpuUsage(started).user).toBeLessThan(100_000);
  });

  it('is explained in the error', () => {
    const fail = (run: () => void): PushError => {
      try {
        run();
      } catch (error) {
        if (error instanceof PushError) return error;
      }
      throw new Error('did not throw a PushError');
    };
    expect(() => assertTopic('a.b')).not.toThrow();
    expect(() => assertPattern('a.*')).not.toThrow();
    expect(fail(() => assertTopic('a.*'))).toMatchObject({
      code: 'INVALID_TOPIC',
      message: expect.stringContaining('for subscribing'),
    });
    expect(fail(() => assertTopic('a b')).message).toContain(
      '"a b" is not a topic. A topic is tokens of visible ASCII',
    );
    expect(fail(() => assertPattern('a*')).message).toContain('"a*" is not a topic pattern.');
    expect(fail(() => assertPattern(7)).message).toContain('A value of type number');
    expect(fail(() => assertTopic('x'.repeat(10_000))).message.length).toBeLessThan(400);
  });
});

describe('covers', () => {
  it('says whether a pattern matches a topic', () => {
    assert(
      property(patterns, topics, (pattern, topic) => {
        expect(covers(pattern, topic.join('.'))).toBe(matches(pattern.split('.'), topic));
      }),
      { numRuns: 1_000 },
    );
  });

  it('says whether a pattern matches everything that another one matches', () => {
    assert(
      property(patterns, patterns, (wide, narrow) => {
        const isCovered = every.every(
          (topic) => !matches(narrow.split('.'), topic) || matches(wide.split('.'), topic),
        );
        expect(covers(wide, narrow)).toBe(isCovered);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a topic whose first token begins with $', () => {
  it.each([
    ['>', '$presence.a'],
    ['*', '$presence'],
    ['*.a', '$presence.a'],
    ['*.>', '$presence.a'],
    ['>', '$presence.>'],
    ['*.*', '$presence.*'],
  ])('is not matched by %s: %s', (wide, narrow) => {
    expect(covers(wide, narrow)).toBe(false);
    expect(overlaps(wide, narrow)).toBe(false);
    expect(overlaps(narrow, wide)).toBe(false);
  });

  it.each([
    ['$presence.>', '$presence.a'],
    ['$presence.*', '$presence.a'],
    ['$presence.a', '$presence.a'],
    ['$presence.>', '$presence.*.b'],
    ['a.*', 'a.$b'],
    ['>', 'a.$b'],
  ])('is matched by a pattern that names that token, and only the first counts: %s, %s', (wide, narrow) => {
    expect(covers(wide, narrow)).toBe(true);
    expect(overlaps(wide, narrow)).toBe(true);
  });
});
