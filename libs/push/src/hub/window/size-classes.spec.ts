import { array, assert, nat, property, tuple } from 'fast-check';
import { SizeClasses } from './size-classes.js';
import { TopicHistory } from './topic-history.js';
import { TopicTree } from './topic-tree.js';

const retention = { events: 1, age: 1 };
const histories = () => {
  const tree = new TopicTree<TopicHistory>(0);
  return Array.from({ length: 6 }, (_, i) => new TopicHistory(`${i}`, retention, tree.grow(`${i}`)));
};

function resize(classes: SizeClasses, history: TopicHistory, bytes: number): void {
  const before = history.bytes;
  history.bytes = bytes;
  classes.moved(history, before);
}

describe('SizeClasses', () => {
  it('finds a topic that is more than half as large as the largest', () => {
    assert(
      property(array(tuple(nat(5), nat(5_000))), (steps) => {
        const all = histories();
        const classes = new SizeClasses();
        for (const [index, bytes] of steps) {
          resize(classes, all[index]!, bytes);
          const most = Math.max(...all.map((history) => history.bytes));
          const largest = classes.largest();
          if (most === 0) expect(largest).toBeUndefined();
          else expect(largest!.bytes * 2).toBeGreaterThan(most);
        }
      }),
    );
  });

  it('takes the one that has been large for longest', () => {
    const [a, b, c] = histories();
    const classes = new SizeClasses();
    for (const history of [b!, a!, c!]) resize(classes, history, 1_000);
    expect(classes.largest()).toBe(b);
    resize(classes, b!, 10);
    expect(classes.largest()).toBe(a);
  });

  it('has a class for every size', () => {
    const [history] = histories();
    const classes = new SizeClasses();
    for (let bytes = 1; bytes <= Number.MAX_SAFE_INTEGER / 2; bytes *= 2) {
      for (const size of [bytes, bytes + 1, bytes * 2 - 1]) {
        resize(classes, history!, size);
        expect(classes.largest()).toBe(history);
      }
    }
    resize(classes, history!, 0);
    expect(classes.largest()).toBeUndefined();
  });
});
