import { array, assert, constantFrom, property, string } from 'fast-check';
import { covers, isToken, isTopic } from './topic.js';
import { encodeToken, topic, type TokenValue } from './topic-tag.js';

describe('topic`…`', () => {
  it.each<[string, string]>([
    [topic`orders.${42}`, 'orders.42'],
    [topic`orders.${'a-b'}.items`, 'orders.a-b.items'],
    [topic`orders.order-${7n}`, 'orders.order-7'],
    [topic`orders.${'42'}.>`, 'orders.42.>'],
    [topic`${'eu'}.orders.*`, 'eu.orders.*'],
    [topic`$presence.${'a'}`, '$presence.a'],
    [topic`orders.${'$a'}`, 'orders.$a'],
    [topic`orders`, 'orders'],
  ])('is %s', (made, expected) => expect(made).toBe(expected));

  it.each<[unknown]>([
    ['>'],
    ['*'],
    ['42.>'],
    ['42.items'],
    ['.'],
    [''],
    ['a b'],
    ['a\n'],
    ['ä'],
    ['a*'],
    [undefined],
    [null],
    [{}],
    [['a']],
    [true],
    [{ toString: () => '>' }],
    [1.5],
  ])('refuses the value %j with a 400', (value) => {
    for (const make of [
      () => topic`orders.${value as TokenValue}`,
      () => topic`${value as TokenValue}.orders`,
      () => topic`orders.${1}.x-${value as TokenValue}`,
    ])
      expect(make).toThrow(expect.objectContaining({ code: 'INVALID_TOPIC', status: 400 }) as Error);
  });

  it('lets no value choose a reserved topic', () => {
    expect(() => topic`${'$presence'}.a`).toThrow('cannot be part of a topic');
    expect(() => topic`${'$'}${'presence'}.a`).toThrow('cannot be part of a topic');
  });

  it('is a whole topic, or pattern', () => {
    expect(() => topic`orders..${1}`).toThrow('is not a topic pattern');
    expect(() => topic`orders.${'a'.repeat(250)}`).toThrow('255 characters');
  });

  it('stays within what the code wrote, whatever the values are', () => {
    const value = string({ unit: constantFrom('a', '.', '*', '>', '$', ' ', ':', '%', 'ä'), maxLength: 4 });
    assert(
      property(value, value, (one, other) => {
        let made: string;
        try {
          made = topic`a.${one}.b.${other}`;
        } catch {
          return;
        }
        expect(isTopic(made)).toBe(true);
        expect(covers('a.*.b.*', made)).toBe(true);
      }),
    );
  });
});

describe('encodeToken', () => {
  it.each([
    ['ann', 'ann'],
    ['ann@example.com', 'ann@example%2Ecom'],
    ['*', '%2A'],
    ['a b', 'a%20b'],
    ['ä', '%C3%A4'],
    ['100%', '100%25'],
    ['$x', '%24x'],
    [':id', '%3Aid'],
    ['a:b$', 'a:b$'],
  ])('%s is %s', (value, token) => expect(encodeToken(value)).toBe(token));

  it('makes a token of everything, and never the same of two', () => {
    const unit = constantFrom('a', '.', '*', '>', '%', '2', 'E', '$', ':', 'ä', '\u{1F600}', '\uFFFD', ' ');
    const value = array(unit, { minLength: 1, maxLength: 5 }).map((units) => units.join(''));
    assert(
      property(value, value, (one, other) => {
        expect(isToken(encodeToken(one))).toBe(true);
        expect(encodeToken(one) === encodeToken(other)).toBe(one === other);
        expect(decodeURIComponent(encodeToken(one))).toBe(one);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(['', 'a\uD800', '\uDC00\uD800'])('has nothing for %j', (value) =>
    expect(() => encodeToken(value)).toThrow('cannot be part of a topic'),
  );
});
