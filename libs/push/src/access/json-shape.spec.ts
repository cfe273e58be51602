import fc from 'fast-check';
import { assertHarmless } from './json-shape.js';

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;

describe('JSON of a client', () => {
  it('may be so deep', () => {
    expect(() => assertHarmless(nested(32), 32)).not.toThrow();
    expect(() => assertHarmless(nested(33), 32)).toThrow('nested 32 deep');
    expect(() => assertHarmless(nested(32_000), 32)).toThrow('nested 32 deep');
  });

  it.each(['{"__proto__":1}', '{"a":[{"\\u005f_proto__":{}}]}', '[[{"b":{"__proto__":null}}]]'])(
    'may not hold %s',
    (json) => {
      expect(() => assertHarmless(JSON.parse(json), 32)).toThrow('__proto__');
    },
  );

  it('may be anything else', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (json) => {
        fc.pre(!json.includes('__proto__'));
        assertHarmless(JSON.parse(json), 32);
      }),
    );
    assertHarmless(JSON.parse('{"constructor":{"prototype":{}},"toString":1}'), 32);
  });
});
