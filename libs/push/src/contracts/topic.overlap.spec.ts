import fc from 'fast-check';
import { covers, overlaps } from './topic.js';

const token = fc.constantFrom('a', 'b', '*');
const pattern = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([tokens, isOpen]) => [...tokens, ...(isOpen ? ['>'] : [])].join('.'));
const topics = [1, 2, 3, 4, 5].flatMap((length) =>
  Array.from({ length: 2 ** length }, (_, bits) =>
    Array.from({ length }, (_, index) => ((bits >> index) & 1 ? 'a' : 'b')).join('.'),
  ),
);

it('two patterns overlap if there is a topic that both match', () => {
  fc.assert(
    fc.property(pattern, pattern, (one, other) => {
      const shared = topics.some((topic) => covers(one, topic) && covers(other, topic));
      expect(overlaps(one, other)).toBe(shared);
      expect(overlaps(other, one)).toBe(shared);
    }),
    { numRuns: 500 },
  );
});
