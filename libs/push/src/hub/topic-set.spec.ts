import { array, assert, constantFrom, property, shuffledSubarray } from 'fast-check';
import { covers } from '../contracts/topic.js';
import { TopicSet } from './topic-set.js';

// Everything that means something in a regular expression, too.
const tokens = [
  'a',
  'ab',
  '(a)',
  '[a]',
  'a+',
  '^a$',
  'a|b',
  '\\a',
  'a?',
  '{a}',
  'a-b',
  '/a/',
  '#',
  '&&',
  '__proto__',
];
const topics = array(constantFrom(...tokens), { minLength: 1, maxLength: 3 }).map((all) => all.join('.'));
const patterns = array(constantFrom(...tokens, '*', '*', '>'), { minLength: 1, maxLength: 3 })
  .map((all) => all.map((token, i) => (token === '>' && i < all.length - 1 ? '*' : token)))
  .map((all) => all.join('.'));

describe('TopicSet', () => {
  it('has what one of its patterns covers', () => {
    assert(
      property(array(patterns, { maxLength: 5 }), topics, (patterns, topic) => {
        expect(new TopicSet(patterns).has(topic)).toBe(patterns.some((pattern) => covers(pattern, topic)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has the same key as the same set in another order', () => {
    const all = ['a', 'a.b', 'a.*', '>', 'b.>', '*'];
    assert(
      property(shuffledSubarray(all), shuffledSubarray(all), (one, two) => {
        const isSame = one.length === two.length && one.every((pattern) => two.includes(pattern));
        expect(new TopicSet([...one, ...one]).key === new TopicSet(two).key).toBe(isSame);
      }),
    );
  });

  it('lists its patterns once, and its wildcards', () => {
    expect(new TopicSet(['b', 'a.*', 'b', '>'])).toMatchObject({
      patterns: ['>', 'a.*', 'b'],
      wildcards: ['>', 'a.*'],
    });
  });
});
