import { array, assert, boolean, constantFrom, nat, property, tuple } from 'fast-check';
import { covers } from '../../contracts/topic.js';
import type { PatternWalk } from './pattern-index.js';
import { TopicIndex } from './topic-index.js';

const tokens = ['a', 'aa', 'b', '$x', '__proto__'];
const path = (last: readonly string[]) =>
  tuple(array(constantFrom(...tokens, '*', '*'), { maxLength: 5 }), constantFrom(...last));
const patterns = path([...tokens, '*', '>']).map(([first, last]) => [...first, last].join('.'));
const topics = array(constantFrom(...tokens, 'c'), { minLength: 1, maxLength: 6 }).map((all) =>
  all.join('.'),
);

function all<T>(walk: PatternWalk<T>, topic: string): T[] {
  const found: T[] = [];
  walk.begin(topic);
  while (!walk.advance((value) => found.push(value), 3));
  return found;
}

function find<T>(index: TopicIndex<T>, topic: string): T[] {
  const exact = index.exactly(topic);
  const found = all(index.walk(), topic);
  return exact === undefined ? found : [...found, exact];
}

describe('TopicIndex', () => {
  it('finds what covers a topic, whatever comes and goes', () => {
    assert(
      property(array(tuple(boolean(), patterns)), array(topics), (steps, asked) => {
        const index = new TopicIndex<string>();
        const model = new Set<string>();
        for (const [isAdded, pattern] of steps) {
          if (isAdded) {
            model.add(pattern);
            index.set(pattern, pattern);
          } else {
            model.delete(pattern);
            index.delete(pattern);
          }
          expect(index.size).toBe(model.size);
          expect(index.get(pattern)).toBe(isAdded ? pattern : undefined);
        }
        for (const pattern of model) expect(index.get(pattern)).toBe(pattern);
        for (const topic of asked) {
          const expected = [...model].filter((pattern) => covers(pattern, topic));
          expect(find(index, topic).sort()).toEqual(expected.sort());
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds the patterns that cover a pattern', () => {
    assert(
      property(array(patterns), patterns, (known, narrow) => {
        const index = new TopicIndex<string>();
        for (const pattern of known) index.set(pattern, pattern);
        const expected = new Set(known.filter((wide) => covers(wide, narrow)));
        expect(new Set(find(index, narrow))).toEqual(expected);
        expect(find(index, narrow)).toHaveLength(expected.size);
      }),
      { numRuns: 500 },
    );
  });

  it('finds in a walk that is interrupted everything that is there all the time, once', () => {
    const churn = array(tuple(nat(4), boolean(), patterns), { maxLength: 40 });
    assert(
      property(array(patterns, { minLength: 1 }), topics, churn, (known, topic, steps) => {
        const index = new TopicIndex<string>();
        for (const pattern of known) index.set(pattern, pattern);
        const there = new Set(known);
        const found: string[] = [];
        const walk = index.walk();
        walk.begin(topic);
        for (const [nodes, isAdded, pattern] of steps) {
          walk.advance((value) => found.push(value), nodes);
          if (isAdded) index.set(pattern, pattern);
          else {
            index.delete(pattern);
            there.delete(pattern);
          }
        }
        while (!walk.advance((value) => found.push(value), 1));
        for (const pattern of there) {
          const isWild = /[*>]/.test(pattern);
          const times = isWild && covers(pattern, topic) ? 1 : 0;
          expect([pattern, found.filter((value) => value === pattern).length]).toEqual([pattern, times]);
        }
        for (const pattern of found) expect(covers(pattern, topic)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('leads to one value in one step, among a hundred thousand topics and as many patterns', () => {
    const index = new TopicIndex<number>();
    const count = 100_000;
    for (let value = 0; value < count; value++) {
      index.set(`user.${value}`, value);
      index.set(`room.${value}.*`, count + value);
    }
    expect(index.size).toBe(2 * count);
    const walk = index.walk();
    for (let value = 0; value < count; value++) {
      if (index.exactly(`user.${value}`) !== value) throw new Error(`user.${value}`);
      const found: number[] = [];
      walk.begin(`room.${value}.door`);
      const isDone = walk.advance((each) => found.push(each), 2);
      if (!isDone || found.join() !== String(count + value))
        throw new Error(`room.${value}: ${found.join()}`);
    }
    for (let value = 0; value < count; value++) {
      index.delete(`user.${value}`);
      index.delete(`room.${value}.*`);
    }
    expect(index.size).toBe(0);
    expect([walk.patterns.closed, walk.patterns.open].flat().every(({ size }) => size === 0)).toBe(true);
  });

  describe('with patterns that share much, and match in many ways', () => {
    const depth = 31;
    const hostile = (n: number, last: string) => {
      const tokens = Array.from({ length: depth - 1 }, (_, bit) =>
        (Math.imul(n, 2_654_435_761) >>> bit) & 1 ? '*' : 'a',
      );
      return ['chat', ...tokens, last].join('.');
    };
    const fill = (count: number) => {
      const index = new TopicIndex<number>();
      for (let n = 0; n < count; n++) index.set(hostile(n, n % 3 === 0 ? '>' : n % 3 === 1 ? '*' : 'b'), n);
      return index;
    };
    const steps = (index: TopicIndex<number>, topic: string) => {
      const walk = index.walk();
      let count = 0;
      walk.begin(topic);
      while (!walk.advance(() => undefined, 1)) count++;
      return count;
    };

    it('takes no more steps than there are patterns', () => {
      const all = 'chat'.padEnd(4 + 2 * (depth - 1), '.a');
      for (const count of [250, 2_500, 25_000]) {
        const index = fill(count);
        for (const topic of [`${all}.b`, `${all}.c`, `${all}.b.c`]) {
          expect(steps(index, topic)).toBeLessThanOrEqual(count + 1);
        }
      }
    });

    it('takes a few for a topic that is not as deep, whatever there is', () => {
      const index = fill(25_000);
      for (let n = 0; n < 1_000; n++) index.set(`*.${n}.>`, n);
      for (const topic of ['chat', 'chat.a', 'chat.a.a', 'news.tick'])
        expect(steps(index, topic)).toBeLessThan(4);
    });
  });
});
