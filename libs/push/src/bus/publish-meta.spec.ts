import { checkedMeta } from './publish-meta.js';

describe('The metadata of an event', () => {
  it.each<[unknown, unknown]>([
    [undefined, undefined],
    [{}, undefined],
    [{ trace: undefined }, undefined],
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
