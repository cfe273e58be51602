import { array, assert, constantFrom, property } from 'fast-check';
import { covers } from '../../contracts/topic.js';
import { PatternTree } from './pattern-tree.js';

const token = constantFrom('a', 'b', '$c');
const topics = array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));
const patterns = array(constantFrom('a', 'b', '$c', '*', '>'), { minLength: 1, maxLength: 5 }).map(
  (tokens) => {
    const end = tokens.indexOf('>');
    return (end < 0 ? tokens : tokens.slice(0, end + 1)).join('.');
  },
);

describe('PatternTree', () => {
  it('finds the patterns that cover a topic', () => {
    assert(
      property(array(patterns, { maxLength: 20 }), topics, (some, topic) => {
        const all = [...new Set(some)];
        const expected = all.filter((pattern) => covers(pattern, topic)).sort();
        expect(new PatternTree(all).matching(topic).sort()).toEqual(expected);
      }),
    );
  });

  it('looks once at what many patterns share, and counts what it looks at', () => {
    const tree = new PatternTree(Array.from({ length: 1_000 }, (_, n) => `news.*.*.q${n}`));
    expect(tree.matching('news.item.7.part')).toEqual([]);
    expect(tree.matching('news.item.7.q3')).toEqual(['news.*.*.q3']);
    expect(tree.steps).toBeLessThan(20);
  });
});
