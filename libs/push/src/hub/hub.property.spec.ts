import { array, assert as check, asyncProperty } from 'fast-check';
import type { Keeping } from '../../test/models/model-log.js';
import { run, stepsOf, World, type Step } from '../../test/models/model-world.js';
import { seed } from '../../test/models/seed.js';

/*
 * The promise, against a plain model of it. Clients subscribe, lose and regain room, drop and resume, while events are
 * published and evicted. What must hold, for each subscription ("interest") of each client:
 *
 * - order: its events come in log order, none twice. Between the begin and the live of a subscription everything is of
 *   that subscription alone; else everything is of all that are live.
 * - no hole: every event after its start was delivered for it, or was delivered before for a subscription that was live
 *   when it began, or is covered by a gap notice.
 * - `subscribed` and `live` name what was not taken back.
 * - told in time: a notice covers what its pattern had lost when it was sent, as far as it came before anything newer of
 *   the same topic. What is still retained is not covered by anything.
 * - never a false notice: each has an event that is lost, is not delivered before or after, and was not lost already when
 *   the one before was sent.
 * - ids: who drops at any moment and resumes from the last id it saw misses nothing and gets nothing twice.
 *
 * "last" wants the newest event as of its turn, of each topic, and everything from there on; "last:n" the newest n; "start"
 * everything, as if it resumed from before the first event; "earliest" wants what is retained when its turn begins.
 *
 * Behind a small window there may be a history, which answers late and out of step with what is published, evicts events
 * of its own accord, and has those that the node missed. An event is lost when neither has it, or when the rules drop it.
 */

/** Two events, and their topics, fit in. */
const tinyWindow = 90_000;

describe('Whatever happens', () => {
  it.each<[string, Keeping]>([
    ['exactly', { windowBytes: Infinity, emptyTopics: 1_000 }],
    // Then topics that are forgotten make it careful: it may tell of a loss that was another topic's.
    ['rather too often, with little memory', { windowBytes: 340_000, emptyTopics: 1 }],
    [
      'exactly, by a node that others are ahead of',
      { windowBytes: Infinity, emptyTopics: 1_000, isLate: true },
    ],
    ['exactly, with a history', { windowBytes: tinyWindow, emptyTopics: 1_000, history: 'faithful' }],
    [
      'rather too often, with a history that is ahead',
      { windowBytes: tinyWindow, emptyTopics: 1_000, history: 'careless' },
    ],
  ])(
    'everyone gets every event once, in order, or is told %s',
    async (_, keeping) => {
      await check(
        asyncProperty(array(stepsOf(keeping), { maxLength: 80, size: 'max' }), async (steps) => {
          const world = new World(keeping);
          for (const step of steps) await run(world, step);
          await world.finish();
        }),
        { numRuns: 500, seed },
      );
    },
    60_000,
  );

  it('who begins with "earliest" is told nothing of what was gone by then, though the backplane is asked only later', async () => {
    const world = new World({ windowBytes: tinyWindow, emptyTopics: 1_000, history: 'faithful' });
    const script: Step[] = [
      { do: 'fill', client: 0, room: 0 },
      { do: 'subscribe', client: 0, patterns: ['b.*'], start: 'now', repeat: false },
      { do: 'burst', topic: 'b.1', count: 1 },
      { do: 'subscribe', client: 0, patterns: ['d.>'], start: 'earliest', repeat: false },
      { do: 'burst', topic: 'd.1', count: 14 },
      { do: 'burst', topic: 'd.1', count: 2 },
    ];
    for (const step of script) await run(world, step);
    await world.finish();
  });
});
