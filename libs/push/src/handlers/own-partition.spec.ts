import fc from 'fast-check';
import { LogEvent } from '../contracts/event.js';
import { OwnPartition } from './own-partition.js';

/** One way in which an event of a topic is handled. */
const step = fc.record({ topic: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(5) });

describe('A partition of a node', () => {
  it('handles the events of each topic in order, and its position never passes one that is not done', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(40), async (steps, again) => {
        const turns = new Map(steps.map((each, index) => [index + 1, each.turns]));
        const done = new Set<number>();
        const order: string[] = [];
        const check = (read: string) => {
          const position = Number(partition.position(read).slice(2));
          for (let sequence = 1; sequence <= position; sequence++) expect(done).toContain(sequence);
        };
        const handle = async ({ topic, sequence }: LogEvent) => {
          for (let turn = turns.get(sequence)!; turn > 0; turn--) await Promise.resolve();
          order.push(`${topic}${sequence}`);
          done.add(sequence);
          return true;
        };
        const partition = new OwnPartition('e-0', 'e-0', handle, () => undefined);
        partition.isBegun = true;
        const events = steps.map(({ topic }, index) => new LogEvent('e', index + 1, { topic, data: '0' }));
        for (const each of events) {
          partition.take(each);
          // The reader began again: it brings what it has brought before.
          if (each.sequence === again) events.slice(0, again).forEach((one) => partition.take(one));
          check(`e-${each.sequence}`);
          await Promise.resolve();
          check(`e-${each.sequence}`);
        }
        await new Promise((resolve) => setImmediate(resolve));
        expect(partition.position(`e-${steps.length}`)).toBe(`e-${steps.length}`);
        expect(order).toHaveLength(steps.length);
        for (const topic of ['a', 'b', 'c']) {
          const own = order.filter((each) => each.startsWith(topic)).map((each) => Number(each.slice(1)));
          expect(own).toEqual([...own].sort((one, other) => one - other));
        }
      }),
    );
  });

  it('that is closed takes nothing more: its position is where the group was read then', async () => {
    let finish!: (isDone: boolean) => void;
    const handle = () => new Promise<boolean>((resolve) => (finish = resolve));
    const partition = new OwnPartition('e-0', 'e-0', handle, () => undefined);
    partition.isBegun = true;
    partition.take(new LogEvent('e', 3, { topic: 'a', data: '0' }));
    const closed = partition.close('e-7');
    partition.take(new LogEvent('e', 8, { topic: 'a', data: '0' }));
    expect(partition.position('e-9')).toBe('e-2');
    finish(true);
    await closed;
    expect(partition.position('e-9')).toBe('e-7');
  });
});
