import { array, assert, nat, property, tuple } from 'fast-check';
import { MessageIds } from './message-ids.js';

describe('MessageIds', () => {
  it('remembers each for its time, and never more than the limit', () => {
    assert(
      property(array(tuple(nat(40), nat(30))), nat(20), (steps, limit) => {
        let time = 0;
        const ids = new MessageIds(100, limit + 2, () => time);
        const seen = new Map<string, { sequence: number; time: number }>();
        for (const [index, [name, wait]] of steps.entries()) {
          time += wait;
          const known = ids.get(`${name}`);
          if (known === undefined) {
            ids.set(`${name}`, index);
            seen.set(`${name}`, { sequence: index, time });
          } else expect(known).toBe(seen.get(`${name}`)!.sequence);
          const remembered = [...seen.keys()].filter((id) => ids.get(id) !== undefined);
          expect(remembered.length).toBeLessThanOrEqual(limit + 2);
        }
        const young = [...seen].filter(([, entry]) => time - entry.time < 100);
        if (seen.size <= (limit + 2) / 2) for (const [id] of young) expect(ids.get(id)).toBeDefined();
      }),
    );
  });

  it('remembers at least half of its limit, the newest', () => {
    const ids = new MessageIds(Infinity, 1_000);
    for (let sequence = 1; sequence <= 10_000; sequence++) ids.set(`${sequence}`, sequence);
    for (let sequence = 9_501; sequence <= 10_000; sequence++) expect(ids.get(`${sequence}`)).toBe(sequence);
    expect(ids.get('9000')).toBeUndefined();
  });

  it('forgets what is older than twice the time as soon as something else comes', () => {
    let time = 0;
    const ids = new MessageIds(100, 1_000, () => time);
    ids.set('a', 1);
    time = 99;
    ids.set('b', 2);
    time = 150;
    ids.set('c', 3);
    expect(['a', 'b', 'c'].map((id) => ids.get(id))).toEqual([1, 2, 3]);
    time = 350;
    ids.set('d', 4);
    expect(['a', 'b', 'c', 'd'].map((id) => ids.get(id))).toEqual([undefined, undefined, undefined, 4]);
  });
});
