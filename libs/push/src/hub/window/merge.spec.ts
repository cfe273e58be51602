import { array, assert, nat, property } from 'fast-check';
import { Deque } from './deque.js';
import { merge } from './merge.js';

describe('merge', () => {
  it('gives the items of all deques after a sequence, in order', () => {
    assert(
      property(array(nat(6), { maxLength: 60 }), nat(60), (owners, after) => {
        const deques = Array.from({ length: 7 }, () => new Deque<{ sequence: number }>());
        const items = owners.map((owner, index) => ({ owner, sequence: index + 1 }));
        for (const item of items) deques[item.owner]!.push(item);
        expect([...merge(deques, (deque) => deque.after(after))]).toEqual(
          items.filter(({ sequence }) => sequence > after),
        );
      }),
    );
  });
});
