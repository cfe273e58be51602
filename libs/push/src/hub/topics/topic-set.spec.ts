import { array, assert, boolean, constantFrom, nat, property, shuffledSubarray, tuple } from 'fast-check';
import { covers, isWildcard } from '../../contracts/topic.js';
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
  it('has what one of its patterns covers, whatever comes and goes', () => {
    const steps = array(tuple(boolean(), patterns), { maxLength: 20 });
    assert(
      property(steps, array(topics, { minLength: 1 }), (steps, asked) => {
        const set = new TopicSet();
        const model = new Set<string>();
        for (const [index, [isAdded, pattern]] of steps.entries()) {
          expect(isAdded ? set.add(pattern) : set.delete(pattern)).toBe(model.has(pattern) !== isAdded);
          if (isAdded) model.add(pattern);
          else model.delete(pattern);
          const topic = asked[index % asked.length]!;
          expect(set.has(topic)).toBe([...model].some((pattern) => covers(pattern, topic)));
          expect(set.size).toBe(model.size);
        }
        expect([...set.patterns]).toEqual([...model]);
        expect([...set.wildcards]).toEqual([...model].filter(isWildcard));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has the same key as the same set, however that was made, and only then', () => {
    const all = ['a', 'a.b', 'a.*', '>', 'b.>', '*'];
    assert(
      property(shuffledSubarray(all), shuffledSubarray(all), nat(6), (one, two, asked) => {
        const other = new TopicSet(one);
        // It may be asked at any time.
        const differences = [...all.filter((pattern) => one.includes(pattern) !== two.includes(pattern))];
        for (const [index, pattern] of differences.entries()) {
          if (index === asked) expect(other.key).toBeDefined();
          if (!other.delete(pattern)) other.add(pattern);
        }
        expect(other.key).toBe(new TopicSet([...two, ...two]).key);
        const isSame = one.length === two.length && one.every((pattern) => two.includes(pattern));
        expect(new TopicSet(one).key === other.key).toBe(isSame);
      }),
    );
  });

  it('changes by one pattern among a thousand at the price of that one', () => {
    const long = (n: number) => `${n}.${'x'.repeat(200)}.*`;
    const cost = (size: number) => {
      const set = new TopicSet(Array.from({ length: size }, (_, n) => long(n)));
      const change = (times: number) => {
        for (let n = 0; n < times; n++) {
          set.delete(long(n % size));
          set.add(long(n % size));
          if (!set.key || !set.has(`${n % size}.${'x'.repeat(200)}.y`)) throw new Error('lost');
        }
      };
      change(2_000);
      const before = process.cpuUsage();
      change(2_000);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    // A thousand times as many; a rebuilt set would cost that much more.
    expect(cost(8_000)).toBeLessThan(100 * cost(8));
  });
});
