import { array, assert, boolean, nat, property, tuple } from 'fast-check';
import { OrderedSet, type SetMember } from './ordered-set.js';

class Member implements SetMember<Member> {
  set: OrderedSet<Member> | undefined;
  older: Member | undefined;
  newer: Member | undefined;
}

describe('OrderedSet', () => {
  it('knows its oldest member, whoever comes and goes', () => {
    assert(
      property(array(tuple(boolean(), nat(5))), (steps) => {
        const members = Array.from({ length: 6 }, () => new Member());
        const set = new OrderedSet<Member>();
        let list: Member[] = [];
        for (const [isAdded, index] of steps) {
          const member = members[index]!;
          if (isAdded) set.add(member);
          else expect(set.delete(member)).toBe(list.includes(member));
          if (!isAdded) list = list.filter((other) => other !== member);
          else if (!list.includes(member)) list.push(member);
          expect(set.size).toBe(list.length);
          expect(set.first).toBe(list[0]);
        }
      }),
    );
  });

  it('leaves the members of others alone', () => {
    const [one, other, member] = [new OrderedSet<Member>(), new OrderedSet<Member>(), new Member()];
    one.add(member);
    expect(other.delete(member)).toBe(false);
    expect([one.first, one.size, other.size]).toEqual([member, 1, 0]);
    one.delete(member);
    other.add(member);
    expect([one.first, other.first]).toEqual([undefined, member]);
  });
});
