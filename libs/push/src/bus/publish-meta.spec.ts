import type { EventMeta } from '../contracts/event-meta.js';
import { checkedMeta, metaWith } from './publish-meta.js';

describe('The metadata of an event', () => {
  it.each<[unknown, unknown]>([
    [undefined, undefined],
    [{}, undefined],
    [{ trace: undefined }, undefined],
    // What a handler passes on of an event that has a tag.
    [{ $tag: 'own' }, undefined],
    [{ $tag: 'own', n: 1 }, { n: 1 }],
    [
      { trace: '00-4b', n: -0.5, last: false, none: undefined },
      { trace: '00-4b', n: -0.5, last: false },
    ],
    [
      { constructor: 'c', toJSON: 't' },
      { constructor: 'c', toJSON: 't' },
    ],
    [JSON.parse('{"__proto__":"p"}'), JSON.parse('{"__proto__":"p"}')],
  ])('%j is taken as it is, without what is undefined', (meta, taken) => {
    const result = checkedMeta(meta);
    expect(JSON.stringify(result)).toBe(JSON.stringify(taken));
    expect(Object.keys(result ?? {})).toEqual(Object.keys(taken ?? {}));
  });

  it('is a copy, which nothing can change', () => {
    const given = { n: 1 };
    const taken = checkedMeta(given)!;
    given.n = 2;
    expect(taken).toEqual({ n: 1 });
    expect(Object.isFrozen(taken)).toBe(true);
  });

  it.each([
    ['an array', [1], /meta is an object/],
    ['null', null, /meta is an object/],
    ['a text', 'a', /meta is an object/],
    ['an object in it', { user: { id: 1 } }, /meta is flat: "user"/],
    ['null in it', { user: null }, /meta is flat: "user"/],
    ['a number that JSON does not have', { n: NaN }, /meta is flat: "n"/],
    ['a BigInt in it', { n: 1n }, /meta is flat: "n"/],
    ['a function in it', { toJSON: () => ({}) }, /meta is flat: "toJSON"/],
    ['the name "end"', { end: true }, /may not have "end".*another name/],
    ['the name "removed"', { removed: false }, /may not have "removed"/],
    ['the name "row"', { row: 'x' }, /may not have "row"/],
    ['a name that begins with "$"', { $run: 1 }, /may not have "\$run"/],
    ['4,097 bytes', { n: 'x'.repeat(4097 - 8) }, /has 4097 bytes as JSON; it takes 4096/],
    ['4,097 bytes in fewer characters', { n: `${'ü'.repeat(2044)}x` }, /has 4097 bytes/],
    ['too many names', Object.fromEntries(Array.from({ length: 600 }, (_, n) => [n, true])), /bytes as JSON/],
  ])('%s is refused, with what to do', (_, meta, message) => {
    expect(() => checkedMeta(meta)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    expect(() => checkedMeta(meta)).toThrow(message);
  });

  it('may have 4,096 bytes', () => {
    expect(checkedMeta({ n: 'x'.repeat(4096 - 8) })).toBeDefined();
  });
});

describe('Metadata with more', () => {
  it('has what there is room for, and what it had before', () => {
    expect(metaWith(undefined, {})).toBeUndefined();
    expect(metaWith(undefined, { a: 1 })).toEqual({ a: 1 });
    expect(metaWith({ a: 1 }, { a: 2, b: 3 })).toEqual({ a: 1, b: 3 });
    expect(metaWith(JSON.parse('{"__proto__":"p"}') as EventMeta, { b: 3 })).toEqual(
      JSON.parse('{"__proto__":"p","b":3}'),
    );
  });

  it.each([50, 60, 61, 62, 63, 64, 100])('is no larger than 4,096 bytes where %i are left', (room) => {
    const meta = checkedMeta({ n: 'x'.repeat(4096 - 8 - room) });
    const traceparent = 'x'.repeat(55);
    const all = metaWith(meta, { traceparent, tracestate: 'y' })!;
    expect(Buffer.byteLength(JSON.stringify(all))).toBeLessThanOrEqual(4096);
    expect(all).toMatchObject(meta!);
    expect(Object.isFrozen(all)).toBe(true);
    expect('traceparent' in all).toBe(room === 100);
    expect('tracestate' in all).toBe(room === 100);
  });
});
