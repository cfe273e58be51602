import { array, assert, boolean, constantFrom, nat, property, tuple } from 'fast-check';
import { covers } from '../contracts/topic.js';
import { TopicIndex } from './topic-index.js';
import { TopicSet } from './topic-set.js';

const patterns = ['a', 'b', 'a.a', 'a.b', 'b.b.a', '*', '*.*', 'a.*', '*.b', 'a.>', '>', '*.b.>', 'b.*.a'];
const topics = ['a', 'b', 'a.a', 'a.b', 'b.a', 'b.b', 'b.b.a', 'a.b.b', 'c', 'c.b.a'];

describe('TopicIndex', () => {
  it('finds everyone who wants a topic, whoever comes and goes', () => {
    const steps = array(tuple(boolean(), nat(7), array(constantFrom(...patterns), { maxLength: 4 })));
    assert(
      property(steps, (steps) => {
        const index = new TopicIndex<number>();
        const wants = new Map<number, TopicSet>();
        for (const [isAdded, value, wanted] of steps) {
          const old = wants.get(value);
          if (old) index.remove(old, value);
          wants.delete(value);
          if (!isAdded) continue;
          wants.set(value, new TopicSet(wanted));
          index.add(wants.get(value)!, value);
        }
        for (const topic of topics) {
          const found = new Set<number>();
          index.match(topic, (value) => found.add(value));
          const expected = [...wants].filter(([, set]) =>
            set.patterns.some((pattern) => covers(pattern, topic)),
          );
          expect([...found].sort()).toEqual(expected.map(([value]) => value).sort());
        }
        expect(index.size).toBe(new Set([...wants.values()].flatMap((set) => set.patterns)).size);
      }),
    );
  });

  it('names a value of overlapping patterns in a row, so that the second time is easy to see', () => {
    const index = new TopicIndex<string>();
    index.add(new TopicSet(['a.b', 'a.*', '>']), 'one');
    const found: string[] = [];
    index.match('a.b', (value) => found.push(value));
    expect(found).toEqual(['one', 'one', 'one']);
    index.remove(new TopicSet(['a.b', 'a.*', '>', 'never.*', 'never']), 'one');
    expect(index.size).toBe(0);
  });

  it('leads to one value in one step, among a hundred thousand topics and as many patterns', () => {
    const index = new TopicIndex<number>();
    const count = 100_000;
    for (let value = 0; value < count; value++) {
      index.add(new TopicSet([`user.${value}`]), value);
      index.add(new TopicSet([`room.${value}.*`]), count + value);
    }
    expect(index.size).toBe(2 * count);
    let visits = 0;
    for (let value = 0; value < count; value++) {
      const found: number[] = [];
      index.match(`user.${value}`, (each) => found.push(each));
      index.match(`room.${value}.door`, (each) => found.push(each));
      visits += found.length;
      if (found[0] !== value || found[1] !== count + value) throw new Error(`user.${value}: ${found.join()}`);
    }
    expect(visits).toBe(2 * count);
    for (let value = 0; value < count; value++) {
      index.remove(new TopicSet([`user.${value}`]), value);
      index.remove(new TopicSet([`room.${value}.*`]), count + value);
    }
    expect(index.size).toBe(0);
  });
});
