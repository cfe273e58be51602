import { array, assert, nat, property, tuple } from 'fast-check';
import { Encodings } from './encodings.js';

describe('Encodings', () => {
  it('gives back what was added, or nothing, and takes no more memory than two blocks', () => {
    assert(
      property(array(tuple(nat(400), nat(90_000)), { maxLength: 200 }), (steps) => {
        const encodings = new Encodings();
        const events = Array.from({ length: 401 }, () => ({}));
        const added = new Map<object, Buffer>();
        for (const [index, length] of steps) {
          const event = events[index]!;
          const kept = encodings.get(event);
          if (kept) expect(kept.equals(added.get(event)!)).toBe(true);
          if (added.has(event)) continue;
          added.set(event, Buffer.alloc(length, index));
          encodings.add(event, added.get(event)!);
        }
        expect(encodings.bytes).toBeLessThanOrEqual(1024 * 1024);
      }),
    );
  });

  it('remembers the latest', () => {
    const encodings = new Encodings();
    const events = Array.from({ length: 100_000 }, (_, n) => ({ n }));
    for (const event of events) {
      encodings.add(event, Buffer.from(`event ${event.n}`));
      expect(encodings.get(events[Math.max(0, event.n - 1_000)]!)?.toString()).toBe(
        `event ${Math.max(0, event.n - 1_000)}`,
      );
    }
    expect(encodings.get(events[0]!)).toBeUndefined();
    expect(encodings.bytes).toBe(1024 * 1024);
  });

  it('takes no memory before it is needed, and none for what is large', () => {
    const encodings = new Encodings();
    encodings.add({}, Buffer.alloc(256 * 1024));
    expect(encodings.bytes).toBe(0);
  });
});
