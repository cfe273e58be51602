import { array, assert, boolean, integer, property } from 'fast-check';
import { LogEvent } from '../../contracts/event.js';
import { Selection, type Union } from './selection.js';

const events = Array.from(
  { length: 400 },
  (_, n) => new LogEvent('e', n + 1, { topic: `t${n}`, data: `${n}` }),
);

/** What some patterns select of the events, and what of them each of some members gets by several patterns. */
function select(patterns: ((n: number) => boolean)[]): Selection[] {
  const none = new Selection();
  const selections = patterns.map(() => none);
  events.forEach((event, place) => {
    patterns.forEach((wants, index) => {
      if (wants(place)) selections[index] = selections[index]!.with(event, place);
    });
  });
  return selections.filter((selection) => selection !== none);
}

const unite = (selections: readonly Selection[]) =>
  selections.slice(1).reduce<Selection | Union>((sum, each) => sum.and(each), selections[0]!);

describe('Selection', () => {
  it('of several patterns has the events of each of them, once and in order', () => {
    const pattern = integer({ min: 1, max: 90 }).chain((every) =>
      integer({ min: 0, max: every }).map((first) => (n: number) => n % every === first % every),
    );
    assert(
      property(array(pattern, { minLength: 1, maxLength: 12 }), (patterns) => {
        const selections = select(patterns);
        if (selections.length === 0) return;
        const wanted = events.filter((_, n) => patterns.some((wants) => wants(n)));
        expect(unite(selections).batch.events).toEqual(wanted);
        expect(unite(selections).batch).toBe(unite(selections).batch);
      }),
    );
  });

  it('is the same for the same events, however many patterns they come by', () => {
    assert(
      property(array(boolean(), { minLength: 2, maxLength: 100 }), (bits) => {
        const isOne = (n: number) => bits[n % bits.length]!;
        const [one, other, both] = select([isOne, (n) => !isOne(n), () => true]);
        if (both) expect(unite([one!, other!]).batch).toBe(both.batch);
      }),
    );
  });

  it('of overlapping patterns costs no more than what they bring', () => {
    const selections = select(Array.from({ length: 250 }, (_, hole) => (n: number) => n !== hole));
    const united = unite(selections);
    const before = process.cpuUsage();
    expect(united.batch.events).toEqual(events);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(100_000);
  });
});
