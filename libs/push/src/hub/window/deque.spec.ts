import { array, assert, constantFrom, nat, oneof, property, record } from 'fast-check';
import { Deque } from './deque.js';

const steps = array(
  oneof(
    { weight: 6, arbitrary: record({ do: constantFrom('push'), by: nat(3) }) },
    { weight: 4, arbitrary: record({ do: constantFrom('shift'), by: nat(20) }) },
    { weight: 2, arbitrary: record({ do: constantFrom('remove'), by: nat(50) }) },
  ),
  { maxLength: 200 },
);

describe('Deque', () => {
  it('is a list that is shifted and searched', () => {
    assert(
      property(steps, (steps) => {
        const deque = new Deque<{ sequence: number }>();
        const list: { sequence: number }[] = [];
        let sequence = 0;
        for (const step of steps) {
          if (step.do === 'push') {
            const item = { sequence: (sequence += 1 + step.by) };
            deque.push(item);
            list.push(item);
          } else if (step.do === 'shift') {
            for (let count = 0; count < step.by; count++) expect(deque.shift()).toBe(list.shift());
          } else {
            const index = list.length === 0 ? 0 : step.by % list.length;
            const [item] = list.splice(index, 1);
            if (item) deque.remove(item);
            // What is not in it changes nothing.
            deque.remove({ sequence: sequence + 1 });
          }
          expect(deque.length).toBe(list.length);
          expect(deque.first).toBe(list[0]);
          expect(deque.last).toBe(list.at(-1));
          for (const after of [-1, 0, sequence / 2, sequence - 1, sequence]) {
            const index = list.findIndex((item) => item.sequence > after);
            expect(deque.after(after)).toBe(index < 0 ? list.length : index);
            expect(deque.at(deque.after(after))).toBe(list[index]);
          }
        }
      }),
    );
  });
});
