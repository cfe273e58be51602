import { array, assert, boolean, constantFrom, property, tuple } from 'fast-check';
import { covers } from '../../contracts/topic.js';
import { TopicTree, type TopicNode } from './topic-tree.js';

const topics = [
  'a',
  'b',
  'a.a',
  'a.b',
  'a.c',
  'b.a',
  'a.a.a',
  'a.a.b',
  'b.a.a',
  'b.b.b',
  'a.a.a.a.a',
  'a.a.b.a.a',
  'a.b.a.a.b',
  'b.b.b.b',
  '$a',
  '$a.a',
  '$a.b.c',
];
const patterns = [
  ...topics,
  'c',
  'c.c',
  '*',
  '>',
  'a.*',
  'a.>',
  '*.a',
  '*.*',
  '*.>',
  '*.a.*',
  'a.*.a',
  'a.a.>',
  'c.>',
  'a.a.*',
  'a.*.>',
  'a.*.*.a.a',
  '*.a.*.*.*',
  'a.a.b.>',
  'a.*.a.>',
  '*.*.*.*.*',
  'b.b.b.>',
  'b.b.c.>',
  '$a.>',
  '$a.*',
  '$a.*.c',
  '$b.>',
];
const steps = array(tuple(constantFrom('lose', 'know', 'forget'), constantFrom(...topics)), {
  maxLength: 60,
});

/** A tree, and beside it the plain truth. */
class Watched {
  readonly tree = new TopicTree<{ topic: string }>(0);
  readonly known = new Map<string, TopicNode<{ topic: string }>>();
  readonly lost = new Map<string, number>();
  /** Newest sequence that a topic had lost when it was forgotten. */
  forgotten = 0;
  /** Topics of which the tree has seen everything. */
  readonly exact = new Set<string>();
  private sequence = 0;

  know(topic: string): TopicNode<{ topic: string }> {
    let node = this.known.get(topic);
    if (!node) {
      if (this.forgotten === 0) this.exact.add(topic);
      node = this.tree.grow(topic);
      node.value = { topic };
      this.known.set(topic, node);
    }
    return node;
  }

  lose(topic: string): void {
    this.lost.set(topic, ++this.sequence);
    this.tree.lose(this.know(topic), this.sequence);
  }

  forget(topic: string): void {
    const node = this.known.get(topic);
    if (!node) return;
    node.value = undefined;
    this.tree.forget(node);
    this.known.delete(topic);
    this.exact.delete(topic);
    this.forgotten = Math.max(this.forgotten, this.lost.get(topic) ?? 0);
  }

  truth(pattern: string): number {
    return Math.max(0, ...[...this.lost].map(([topic, lost]) => (covers(pattern, topic) ? lost : 0)));
  }
}

function watch(steps: [string, string][]): Watched {
  const watched = new Watched();
  for (const [step, topic] of steps) watched[step as 'lose' | 'know' | 'forget'](topic);
  return watched;
}

describe('TopicTree', () => {
  it('never says that less is lost than is, and errs only by what forgotten topics had lost', () => {
    assert(
      property(steps, (steps) => {
        const watched = watch(steps);
        for (const pattern of patterns) {
          const told = watched.tree.lostThrough(pattern);
          const truth = watched.truth(pattern);
          expect(told).toBeGreaterThanOrEqual(truth);
          expect(told).toBeLessThanOrEqual(Math.max(truth, watched.forgotten));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is exact for topics that it remembers, and for patterns as long as it forgot nothing', () => {
    assert(
      property(steps, boolean(), (steps, forgets) => {
        const watched = watch(forgets ? steps : steps.filter(([step]) => step !== 'forget'));
        for (const pattern of forgets ? watched.exact : patterns) {
          expect([pattern, watched.tree.lostThrough(pattern)]).toEqual([pattern, watched.truth(pattern)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('selects the topics that it remembers by pattern, or says that it is too much effort', () => {
    assert(
      property(steps, (steps) => {
        const { tree, known } = watch(steps);
        for (const pattern of patterns) {
          const expected = [...known.keys()].filter((topic) => covers(pattern, topic)).sort();
          const selected = tree.select(pattern, 1_000)?.map(({ topic }) => topic);
          expect(selected?.sort()).toEqual(expected);
          const hasty = tree.select(pattern, 2);
          if (hasty) expect(hasty).toHaveLength(expected.length);
        }
      }),
    );
  });

  it('finds the same when it is interrupted, whatever is known and forgotten meanwhile', () => {
    assert(
      property(steps, steps, constantFrom(...patterns), (before, meanwhile, pattern) => {
        const watched = watch(before);
        const truth = watched.truth(pattern);
        const walk = watched.tree.losses(pattern, 0);
        let step = walk.next();
        for (const [kind, topic] of meanwhile) {
          if (!step.done) step = walk.next();
          watched[kind as 'lose' | 'know' | 'forget'](topic);
        }
        while (!step.done) step = walk.next();
        expect(step.value).toBeGreaterThanOrEqual(truth);
        expect(step.value).toBeLessThanOrEqual(Math.max(watched.truth(pattern), watched.forgotten));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has no more nodes than twice the topics, however deep they are, and none when they are forgotten', () => {
    const tree = new TopicTree<object>(0);
    const empty = tree.bytes;
    const one = tree.grow('one');
    const perNode = tree.bytes - empty;
    one.value = {};
    const nodes = Array.from({ length: 1_000 }, (_, n) => {
      const node = tree.grow(`deep.${n % 7}.${n}${'.x'.repeat(100)}.${n % 3}.y`);
      node.value = {};
      return node;
    });
    expect(tree.bytes).toBeLessThanOrEqual(empty + 2 * 1_001 * perNode);
    for (const node of [...nodes, one]) {
      node.value = undefined;
      tree.forget(node);
    }
    expect(tree.bytes).toBe(empty);
  });

  it('keeps nothing of topics that are forgotten but the newest loss', () => {
    const watched = new Watched();
    watched.lose('a.a.a');
    watched.lose('a.b');
    watched.forget('a.a.a');
    watched.forget('a.b');
    const root = watched.tree.grow('c').parent!;
    expect([...root.each()].map(({ path }) => path)).toEqual(['c']);
    expect(root.forgotten).toBe(2);
  });

  it('begins with a floor below which everything may be lost', () => {
    const tree = new TopicTree<object>(7);
    expect(['a', 'a.b', '*', '>', 'a.>'].map((pattern) => tree.lostThrough(pattern))).toEqual([
      7, 7, 7, 7, 7,
    ]);
    tree.lose(tree.grow('a.b'), 9);
    expect(['a', 'a.b', '*', '*.*', '>', 'b.>'].map((pattern) => tree.lostThrough(pattern))).toEqual([
      7, 9, 7, 9, 9, 7,
    ]);
  });
});
