import { array, assert, boolean, nat, property, tuple } from 'fast-check';
import { LogEvent } from '../../contracts/event.js';
import { Lane, sequenceOf } from './lane.js';
import { Entry, TopicHistory } from './topic-history.js';
import { TopicTree } from './topic-tree.js';

const history = new TopicHistory('a', { events: 1, age: 1 }, new TopicTree<TopicHistory>(0).grow('a'));

describe('Lane', () => {
  it('holds the entries that are not gone, each in its place, and is searched', () => {
    assert(
      property(array(tuple(nat(2), nat(50), boolean()), { maxLength: 300 }), (steps) => {
        const lane = new Lane();
        const list: Entry[] = [];
        let sequence = 0;
        for (const [what, by, isCleaned] of steps) {
          if (what > 0) {
            const event = new LogEvent('e', (sequence += 1 + by), { topic: 'a', data: '1' });
            list.push(new Entry(event, history, 0));
            lane.push(list.at(-1)!);
          } else if (list.length > 0) lane.remove(list.splice(by % list.length, 1)[0]!);
          if (isCleaned && by === 0) lane.clean();
          const slots = Array.from({ length: lane.length }, (_, index) => lane.at(index)!);
          expect(slots.filter((slot) => typeof slot !== 'number')).toEqual(list);
          expect(lane.first).toBe(list[0]);
          expect(slots.map(sequenceOf)).toEqual(slots.map(sequenceOf).sort((a, b) => a - b));
          for (const after of [0, sequence / 2, sequence]) {
            const index = slots.findIndex((slot) => sequenceOf(slot) > after);
            expect(lane.after(after)).toBe(index < 0 ? lane.length : index);
          }
        }
      }),
    );
  });
});
