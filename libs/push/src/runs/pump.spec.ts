import {
  array,
  assert as check,
  asyncProperty,
  boolean,
  constantFrom,
  integer,
  nat,
  record,
  string,
} from 'fast-check';
import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import { seed } from '../../test/models/seed.js';
import { joinStrings, type Join } from './chunk-joiner.js';
import type { ChunkSource } from './chunk-source.js';
import { Pump } from './pump.js';

const strings = joinStrings as Join<string>;

/** A source that counts how often it was asked. */
class CountingSource implements ChunkSource<string> {
  asked = 0;

  constructor(private readonly chunks: readonly string[]) {}

  next() {
    const value = this.chunks[this.asked++];
    return Promise.resolve(value === undefined ? { done: true } : { value });
  }

  stop() {
    return Promise.resolve();
  }
}

const options = { joinFor: 40, join: strings, maxBytes: 1_000, signal: new AbortController().signal };

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}

describe('A pump', () => {
  it('hands over the first chunk at once, and the others together', async () => {
    const batches: (readonly string[])[] = [];
    const store = (events: readonly string[]) => Promise.resolve(void batches.push(events));
    await new Pump(new CountingSource(['a', 'b', 'c']), store, { ...options, joinFor: 60_000 }).run();
    expect(batches).toEqual([['a'], ['bc']]);
  });

  it('does not ask its source for more while the log takes nothing', async () => {
    const source = new CountingSource(Array.from({ length: 10_000 }, () => 'w'));
    let release!: () => void;
    const stuck = new Promise<void>((resolve) => (release = resolve));
    let stored = '';
    const store = async (events: readonly string[]) => {
      stored += events.join('');
      await stuck;
    };
    const run = new Pump(source, store, options).run();
    await turns(500);
    expect(stored).toBe('w');
    expect(source.asked).toBeLessThan(100);
    release();
    await run;
    expect(stored).toBe('w'.repeat(10_000));
  });

  it('counts what waits in bytes too', async () => {
    const source = new CountingSource(Array.from({ length: 100 }, () => 'x'.repeat(900)));
    const run = new Pump(source, () => new Promise(() => undefined), options).run();
    run.catch(() => undefined);
    await turns(200);
    expect(source.asked).toBeLessThan(10);
  });

  it('throws what its source throws, when everything before is stored', async () => {
    const stored: string[] = [];
    const failing: ChunkSource<string> = {
      next: () => (stored.length < 1 ? Promise.resolve({ value: 'a' }) : Promise.reject(new Error('over'))),
      stop: () => Promise.resolve(),
    };
    const store = async (events: readonly string[]) => {
      await turn();
      stored.push(...events);
    };
    await expect(new Pump(failing, store, options).run()).rejects.toThrow('over');
    expect(stored).not.toEqual([]);
  });

  it('stops when the log refuses', async () => {
    const source = new CountingSource(Array.from({ length: 1_000 }, () => 'w'));
    const run = new Pump(source, () => Promise.reject(new Error('refused')), options).run();
    await expect(run).rejects.toThrow('refused');
    const { asked } = source;
    await turns(50);
    expect(source.asked).toBe(asked);
  });

  it('hands over a prefix of what its source brings, and everything if it is not stopped', async () => {
    const chunks = record({ text: string({ maxLength: 40 }), waits: nat(3) });
    const scripts = record({
      chunks: array(chunks, { maxLength: 200 }),
      joinFor: constantFrom(0, 1, 5),
      maxBytes: constantFrom(60, 500, 10_000),
      slow: nat(3),
      joins: boolean(),
      stopsAfter: integer({ min: -100, max: 200 }),
    });
    await check(
      asyncProperty(scripts, async ({ chunks, joinFor, maxBytes, slow, joins, stopsAfter }) => {
        const aborter = new AbortController();
        let asked = 0;
        const source: ChunkSource<string> = {
          next: async () => {
            if (asked === stopsAfter) aborter.abort();
            const chunk = chunks[asked++];
            if (!chunk) return { done: true };
            await turns(chunk.waits);
            return { value: chunk.text };
          },
          stop: () => Promise.resolve(),
        };
        const stored: string[] = [];
        let isStoring = false;
        const store = async (events: readonly string[]) => {
          assert.ok(!isStoring);
          isStoring = true;
          await turns(slow);
          stored.push(...events);
          isStoring = false;
        };
        const join: Join<string> = joins ? strings : () => undefined;
        await new Pump(source, store, { joinFor, join, maxBytes, signal: aborter.signal }).run();
        const all = chunks.map(({ text }) => text).join('');
        assert.ok(all.startsWith(stored.join('')));
        if (!aborter.signal.aborted) assert.equal(stored.join(''), all);
      }),
      { seed, numRuns: 150 },
    );
  }, 180_000);
});
