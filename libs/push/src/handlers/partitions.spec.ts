import { nodeFor, partitionCount, partitionOf } from './partitions.js';

const partitions = Array.from({ length: partitionCount }, (_, number) => number);

describe('Partitions', () => {
  it('get topics evenly, also topics that differ in their last character alone', () => {
    const topics = Array.from({ length: 6_400 }, (_, index) => `orders.${index}`);
    const counts = partitions.map((number) => topics.filter((topic) => partitionOf(topic) === number).length);
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(200);
    expect(new Set(Array.from('abcdefghijkl', (letter) => partitionOf(letter))).size).toBeGreaterThan(6);
  });

  it('are the same in every version', () => {
    expect(['orders.1', 'orders.42', 'users.ann.visits'].map(partitionOf)).toEqual([2, 49, 58]);
    expect(partitions.slice(0, 8).map((number) => nodeFor('billing', number, ['a', 'b', 'c']))).toEqual([
      'c',
      'b',
      'a',
      'a',
      'b',
      'c',
      'b',
      'b',
    ]);
  });

  it('are shared evenly by the nodes, and a node that goes moves its own alone', () => {
    const nodes = ['one', 'two', 'three', 'four'];
    const of = (all: string[]) => partitions.map((number) => nodeFor('billing', number, all)!);
    const before = of(nodes);
    for (const node of nodes) expect(before.filter((each) => each === node).length).toBeGreaterThan(6);
    const after = of(nodes.slice(1));
    for (const number of partitions)
      if (before[number] === 'one') expect(after[number]).not.toBe('one');
      else expect(after[number]).toBe(before[number]);
    expect(nodeFor('billing', 0, [])).toBeUndefined();
  });
});
