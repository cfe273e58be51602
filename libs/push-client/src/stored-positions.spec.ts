import { StoredPositions } from './stored-positions.js';
import { Subscription, Subscriptions } from './subscriptions.js';

class Memory {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

/** Readers that have not been asked for yet, at these places. */
function at(places: Record<string, string>): Subscriptions {
  const nothing = () => undefined;
  const table = new Subscriptions({ send: nothing, onError: nothing }, { emit: nothing }, { emit: nothing });
  for (const [pattern, from] of Object.entries(places))
    table.add(new Subscription(pattern, from, nothing, nothing, nothing));
  return table;
}

const noReaders = at({});

describe('The positions of a page', () => {
  it('are there for the next page, for all readers that ask at once', async () => {
    const memory = new Memory();
    new StoredPositions(memory, 'key').save(
      at({ a: 'id-1', 'b.*': 'id-2', c: 'now', d: 'last:50', e: 'start' }),
    );
    const next = new StoredPositions(memory, 'key');
    expect([next.take('a'), next.take('a'), next.take('c')]).toEqual(['id-1', 'id-1', undefined]);
    await Promise.resolve();
    expect(next.take('a')).toBeUndefined();
    expect(next.take('b.*')).toBe('id-2');
    expect([next.take('d'), next.take('e')]).toEqual([undefined, undefined]);
  });

  it('stay until they are taken, as long as there are not too many', () => {
    const memory = new Memory();
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`t${index}`, `id-${index}`]));
    new StoredPositions(memory, 'key').save(at(many));
    new StoredPositions(memory, 'key').save(noReaders);
    const next = new StoredPositions(memory, 'key');
    expect(next.take('t0')).toBeUndefined();
    expect(next.take('t299')).toBe('id-299');
  });

  it.each(['no JSON', '"text"', '5', 'null'])('are none where the storage holds %s', (text) => {
    const memory = new Memory();
    memory.setItem('key', text);
    expect(new StoredPositions(memory, 'key').take('a')).toBeUndefined();
  });
});
