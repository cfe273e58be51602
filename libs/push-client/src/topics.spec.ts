import fc from 'fast-check';
import type { PayloadOf } from './protocol/topic-types.js';
import { matcher } from './topics.js';

describe('A pattern', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a.b', 'a.b', true],
    ['a.b', 'aXb', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['*.b', 'a.b', true],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['>', 'a', true],
    ['>', 'a.b.c', true],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['a.*.>', 'a.b', false],
    ['a.*.>', 'a.b.c.d', true],
    ['a+(b)|[c]', 'a+(b)|[c]', true],
    ['a+$.*', 'a+$.1', true],
    ['a+$.*', 'aa$.1', false],
    ['*', '$a', false],
    ['>', '$a.b', false],
    ['*.b', '$a.b', false],
    ['$a.*', '$a.b', true],
    ['a.*', 'a.$b', true],
    ['*.*', 'a.$b', true],
  ])('%s and %s: %s', (pattern, topic, isMatch) => {
    expect(matcher(pattern)(topic)).toBe(isMatch);
  });

  it('matches by its tokens, whatever characters they have', () => {
    const token = fc.string({ unit: fc.constantFrom(...'ab+?^$(){}[]|/\\-!~%'), minLength: 1, maxLength: 3 });
    const patternToken = fc.oneof(token, fc.constant('*'));
    const pattern = fc
      .tuple(fc.array(patternToken, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([tokens, hasRest]) => [...tokens, ...(hasRest ? ['>'] : [])]);
    fc.assert(
      fc.property(pattern, fc.array(token, { minLength: 1, maxLength: 4 }), (tokens, topic) => {
        const isRest = tokens.at(-1) === '>';
        const fixed = isRest ? tokens.slice(0, -1) : tokens;
        const hasLength = isRest ? topic.length > fixed.length : topic.length === fixed.length;
        // No wildcard stands for the first token of a reserved topic.
        const isOpen = !topic[0]!.startsWith('$') || !['*', '>'].includes(tokens[0]!);
        const isSame = fixed.every((each, index) => each === '*' || each === topic[index]);
        const expected = hasLength && isOpen && isSame;
        expect(matcher(tokens.join('.'))(topic.join('.'))).toBe(expected);
      }),
    );
  });

  it('has the type of what the application declares for it', () => {
    interface Topics {
      'orders.*': { total: number };
      status: 'up' | 'down';
    }
    const order: PayloadOf<Topics, 'orders.42'> = { total: 1 };
    const orders: PayloadOf<Topics, 'orders.*'> = order;
    const status: PayloadOf<Topics, 'status'> = 'up';
    const other: PayloadOf<Topics, 'other'> = status as unknown;
    expect([orders, other]).toEqual([{ total: 1 }, 'up']);
  });
});
