import fc from 'fast-check';
import { StateLog, turn } from '../test/models/state-log.js';
import { stateOf } from './state.js';

it('A live state is the fold of its log, whatever is published, removed, cut, reset or lost', async () => {
  const topic = fc.constantFrom('s.1', 's.2', 's.3', 's.4');
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('publish' as const), topic }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), topic }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('ephemeral' as const), topic }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const), count: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reset' as const, 'lose' as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (script) => {
      const log = new StateLog();
      const state = stateOf<unknown>(log, 's.*');
      /** What a page shows that draws only the topics that it is told of. */
      const drawn = new Map<string, unknown>();
      state.onChange((topics) => {
        for (const each of topics) {
          if (state.has(each)) drawn.set(each, state.get(each));
          else drawn.delete(each);
        }
      });
      // Between a reset and the next id, what is not stored looks like what is.
      let isClear = true;
      for (const [index, each] of script.entries()) {
        if (each.do === 'reset') isClear = false;
        else if (each.do === 'publish' || each.do === 'cut') isClear = true;
        if (each.do === 'publish') log.publish(each.topic, index);
        else if (each.do === 'remove') log.remove(each.topic);
        else if (each.do === 'ephemeral' && isClear && state.isLive) log.ephemeral(each.topic, 'never');
        else if (each.do === 'deliver') log.deliver(each.count);
        else if (each.do === 'cut') log.cut();
        else if (each.do === 'turn') await turn();
        else if (each.do === 'reset') log.reset(state.isLive);
        // A client is told of what it has lost when it comes back, or when it was too slow.
        else if (each.do === 'lose' && state.isLive) log.lose();
      }
      log.deliver();
      // A gap may have made it load itself again.
      log.deliver();
      await turn();
      const sorted = (map: Iterable<[string, unknown]>) => [...map].sort();
      expect(state.isLive).toBe(true);
      expect(sorted(state)).toEqual(sorted(log.now));
      expect(sorted(drawn)).toEqual(sorted(log.now));
      expect(sorted(state.snapshot)).toEqual(sorted(log.now));
    }),
    { numRuns: 500 },
  );
});
