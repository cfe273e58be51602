import { array, assert, boolean, nat, property, tuple } from 'fast-check';
import { OrderedSet } from './ordered-set.js';

describe('OrderedSet', () => {
  it('knows its oldest member, whoever comes and goes', () => {
    assert(
      property(array(tuple(boolean(), nat(5))), (steps) => {
        const members = Array.from({ length: 6 }, (_, name) => ({ name }));
        const set = new OrderedSet<{ name: number }>();
        let list: { name: number }[] = [];
        for (const [isAdded, name] of steps) {
          const member = members[name]!;
          if (isAdded) set.add(member);
          else set.delete(member);
          if (!isAdded) list = list.filter((other) => other !== member);
          else if (!list.includes(member)) list.push(member);
          expect(set.size).toBe(list.length);
          expect(set.first).toBe(list[0]);
        }
      }),
    );
  });
});
