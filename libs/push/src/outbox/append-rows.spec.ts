import fc from 'fast-check';
import { PushError } from '../contracts/errors.js';
import { appendRows } from './append-rows.js';
import { HeldTopics } from './held-topics.js';
import { LeaseLost } from './relay-lease.js';
import type { WaitingRow } from './waiting-rows.js';

const errors = {
  refused: new PushError('CONFLICT', 'Another one.'),
  held: new PushError('LIMIT_EXCEEDED', 'Too much.'),
  unknown: new Error('Something.'),
  away: new PushError('UNAVAILABLE', 'Away.'),
  lost: new LeaseLost(),
};
type Fate = keyof typeof errors | 'stored';
const fates: readonly Fate[] = ['stored', 'stored', 'stored', 'refused', 'held', 'unknown', 'away', 'lost'];

const scenes = fc.array(
  fc.record({ topic: fc.constantFrom('a', 'b', 'c'), fate: fc.constantFrom(...fates) }),
  {
    maxLength: 30,
  },
);

describe('Rows that are appended', () => {
  it('keep the order of their topic whatever fails, and each is accounted for once', async () => {
    await fc.assert(
      fc.asyncProperty(scenes, async (scene) => {
        const rows: WaitingRow[] = scene.map(({ topic }, id) => ({
          id: `${id}`,
          topic,
          data: '1',
          options: null,
        }));
        const tried: number[] = [];
        const append = async ({ id }: WaitingRow) => {
          tried.push(Number(id));
          await Promise.resolve();
          const { fate } = scene[Number(id)]!;
          if (fate !== 'stored') throw errors[fate];
        };
        // Its clock stands still: nothing that is held becomes free meanwhile.
        const held = new HeldTopics(() => 0);
        const outcome = await appendRows(rows, append, held);
        const of = (...wanted: Fate[]) =>
          tried
            .filter((id) => wanted.includes(scene[id]!.fate))
            .map(String)
            .sort();
        expect([...outcome.stored].sort()).toEqual(of('stored'));
        expect(outcome.refused.map(({ id }) => id).sort()).toEqual(of('refused'));
        expect([...outcome.unsure].sort()).toEqual(of('unknown', 'away'));
        expect(outcome.stop !== undefined).toBe(of('away', 'lost').length > 0);
        for (const topic of ['a', 'b', 'c']) {
          const all = rows.filter((row) => row.topic === topic).map(({ id }) => Number(id));
          const ofTopic = tried.filter((id) => rows[id]!.topic === topic);
          // A beginning of the topic's rows, in their order, and nothing after the first that was neither stored nor refused.
          expect(ofTopic).toEqual(all.slice(0, ofTopic.length));
          const end = ofTopic.findIndex((id) => !['stored', 'refused'].includes(scene[id]!.fate));
          expect([-1, ofTopic.length - 1]).toContain(end);
          const last = scene[ofTopic.at(-1)!]?.fate;
          expect(held.topics.includes(topic)).toBe(last === 'held' || last === 'unknown');
        }
      }),
    );
  });

  it('are left alone where no more topics can be held', async () => {
    const held = new HeldTopics();
    const rows = Array.from({ length: 1_001 }, (_, id) => ({
      id: `${id}`,
      topic: `t${id}`,
      data: '1',
      options: null,
    }));
    const { stop } = await appendRows(rows, () => Promise.reject(errors.held), held);
    expect(held.isFull).toBe(true);
    expect(stop).toBe(errors.held);
  });
});
