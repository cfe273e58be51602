import {
  array,
  assert as check,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  nat,
  oneof,
  record,
  shuffledSubarray,
} from 'fast-check';
import { lineSteps, onLine } from '../../test/models/resuming-client.js';
import { seed } from '../../test/models/seed.js';
import { topics, World } from '../../test/models/snapshot-world.js';

/*
 * What is promised of snapshots. The database counts the events of each topic. A client takes the count from a snapshot, and
 * adds one for each event. Where the database knows which event its count is as of, the client has the database's count at every
 * position. Elsewhere each event says the count, and in the end the client has it. Clients do what an EventSource does: they
 * keep the last id that they saw, and come back with it.
 */

const wants = [
  ['d.1'],
  ['p.1'],
  ['d.1', 'd.2'],
  ['d.2', 'p.1'],
  ['p.1', 'p.2'],
  ['d.1', 'd.2', 'p.1', 'p.2'],
];

/** With few clients, their loads meet in more ways. */
const few = shuffledSubarray(wants, { minLength: 1, maxLength: 2 });

const client = nat(wants.length - 1);
const steps = oneof(
  {
    weight: 12,
    arbitrary: record({ do: constant('publish' as const), topic: constantFrom(...topics, 'd.1', 'd.2') }),
  },
  { weight: 5, arbitrary: record({ do: constant('read' as const), index: nat(8) }) },
  { weight: 5, arbitrary: record({ do: constant('answer' as const), index: nat(2) }) },
  { weight: 1, arbitrary: record({ do: constant('fail' as const), index: nat(2) }) },
  { weight: 2, arbitrary: record({ do: constant('turn' as const) }) },
  { weight: 18, arbitrary: lineSteps(wants.length, 8) },
  { weight: 4, arbitrary: record({ do: constant('cut' as const), client, events: nat(3) }) },
  { weight: 1, arbitrary: record({ do: constant('replace' as const), isFull: boolean() }) },
);

describe('A snapshot and the events after it', () => {
  it.each([
    ['a window alone', false],
    ['a small window and a history', true],
  ])(
    'are the database at every position with %s, whatever is slow, cut off, lost or fails',
    async (_, isBacked) => {
      await check(
        asyncProperty(few, array(steps, { maxLength: 60, size: 'max' }), async (wanted, script) => {
          const world = new World(isBacked, wanted);
          for (const step of script) {
            if (step.do === 'publish') world.publish(step.topic);
            else if (step.do === 'read') world.read(step.index);
            else if (step.do === 'answer') world.answer(step.index, false);
            else if (step.do === 'fail') world.answer(step.index, true);
            else if (step.do === 'turn') await world.settle();
            else if (step.do === 'replace') world.replace();
            else if (step.do === 'cut') world.clients[step.client % wanted.length]!.cutAfter(step.events);
            else onLine(world.clients, step);
          }
          await world.finish();
        }),
        { numRuns: 1_500, seed },
      );
    },
    60_000,
  );
});
