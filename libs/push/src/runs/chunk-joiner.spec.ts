import { bytesOf, joined, joinStrings } from './chunk-joiner.js';

const sized = <Chunk>(chunks: readonly Chunk[]) => chunks.map((chunk) => ({ chunk, bytes: bytesOf(chunk) }));

describe('Chunks are joined', () => {
  it('if they are strings, and one after the other', () => {
    expect(joined(sized(['a', 'b', { c: 1 }, 'd', 'e']), joinStrings, 1_000)).toEqual(['ab', { c: 1 }, 'de']);
  });

  it('as the run says, and stay apart where it says so', () => {
    const join = (a: { id: number; text: string }, b: { id: number; text: string }) =>
      a.id === b.id ? { id: a.id, text: a.text + b.text } : undefined;
    const chunks = [
      { id: 1, text: 'a' },
      { id: 1, text: 'b' },
      { id: 2, text: 'c' },
    ];
    expect(joined(sized(chunks), join, 1_000)).toEqual([
      { id: 1, text: 'ab' },
      { id: 2, text: 'c' },
    ]);
  });

  it('as long as they fit into an event, whatever their characters are', () => {
    for (const character of ['a', '"', '\u0001', 'ä', '\ud83d', '😀']) {
      const chunks = Array.from({ length: 300 }, () => character.repeat(300));
      const events = joined(sized(chunks), joinStrings, 10_000);
      expect(events.join('')).toBe(chunks.join(''));
      for (const event of events)
        expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(10_000);
      expect(events.length).toBeLessThan(chunks.length);
    }
  });

  it('not if that makes them too large', () => {
    const join = (a: string, b: string) => `${a} and also, as has to be said, ${b}`;
    expect(joined(sized(['a', 'b']), join, 20)).toEqual(['a', 'b']);
  });

  it('and one that is too large by itself is left as it is', () => {
    const large = 'x'.repeat(300);
    expect(joined(sized(['a', large, 'b']), joinStrings, 100)).toEqual(['a', large, 'b']);
  });
});
