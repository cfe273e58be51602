import { array, assert, constantFrom, property, record } from 'fast-check';
import { covers } from '../contracts/topic.js';
import { AccessRules, withoutParameters, type Access, type AccessRule } from './access-rules.js';

const ann = { id: 'ann' };

describe('rules are asked in order', () => {
  const rules = new AccessRules([
    { pattern: 'news.internal.>', access: 'authenticated' },
    { pattern: 'news.secret.>' },
    { pattern: 'news.>', access: 'public' },
    { pattern: 'members.*', access: 'authenticated' },
    { pattern: 'users.:id.>', access: 'self' },
    { pattern: 'users.>', access: 'public' },
    { pattern: '$presence.news', access: 'public' },
  ]);

  it.each([
    ['news.today', true, true],
    ['news.today.sports', true, true],
    ['news.internal.x', false, true],
    ['news.secret.x', false, false],
    ['news.secret.>', false, false],
    ['news.*.x', false, false],
    ['news.>', false, false],
    ['news.*', true, true],
    ['>', false, false],
    ['members.a', false, true],
    ['members.*', false, true],
    ['members.>', false, false],
    ['users.ann.mail', false, true],
    ['users.ann.>', false, true],
    ['users.ann.*.x', false, true],
    ['users.bob.mail', false, false],
    ['users.*.mail', false, false],
    ['users.>', false, false],
    ['users.ann', true, true],
    ['*.ann.mail', false, false],
    ['$presence.news', true, true],
    ['$presence.*', false, false],
    ['$presence.members', false, false],
  ])('%s: anonymous %s, ann %s', (pattern, anonymous, known) => {
    expect(rules.grant(undefined, pattern)).toBe(anonymous);
    expect(rules.grant(ann, pattern)).toBe(known);
  });

  it('grant a pattern only if they grant each topic that it can match', () => {
    const tokens = ['a', 'b', 'ann'];
    const pattern = array(constantFrom(...tokens, '*', '>'), { minLength: 1, maxLength: 3 }).map((all) =>
      all.map((token, at) => (token === '>' && at < all.length - 1 ? '*' : token)).join('.'),
    );
    const access = constantFrom<Access | undefined>('public', 'authenticated', undefined);
    const own = constantFrom<AccessRule>(
      { pattern: 'a.:id', access: 'self' },
      { pattern: ':id.>', access: 'self' },
    );
    const rule = record({ pattern, access });
    const topics = [1, 2, 3, 4].reduce<string[]>(
      (all, length) => [
        ...all,
        ...(length === 1 ? [''] : all.filter((topic) => topic.split('.').length === length - 1)).flatMap(
          (topic) => [...tokens, 'x'].map((token) => (topic === '' ? token : `${topic}.${token}`)),
        ),
      ],
      [],
    );
    assert(
      property(
        array(rule, { maxLength: 4 }),
        own,
        array(rule, { maxLength: 2 }),
        pattern,
        (some, self, more, asked) => {
          const all: AccessRule[] = [...some, self, ...more];
          const set = new AccessRules(all);
          const wide = withoutParameters(all);
          const isGranted = (topic: string) => {
            const index = wide.findIndex((each) => covers(each.pattern, topic));
            const first = all[index];
            if (first?.access !== 'self') return first?.access !== undefined;
            return topic.split('.')[first.pattern.split('.').indexOf(':id')] === 'ann';
          };
          for (const topic of topics) expect(set.grant(ann, topic)).toBe(isGranted(topic));
          if (set.grant(ann, asked))
            expect(topics.filter((topic) => covers(asked, topic) && !isGranted(topic))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('access: self', () => {
  const rules = new AccessRules([{ pattern: 'users.:id.>', access: 'self' }]);

  it.each([
    ['ann@example.com', 'users.ann@example%2Ecom.mail', true],
    ['ann@example.com', 'users.ann@example.com', false],
    ['ann@example.com', 'users.ann@example.com.mail', false],
    ['ann@example', 'users.ann@example.mail', true],
    ['*', 'users.*.mail', false],
    ['*', 'users.%2A.mail', true],
    ['>', 'users.>', false],
    ['ann%2Ebob', 'users.ann%2Ebob.mail', false],
    ['ann.bob', 'users.ann%2Ebob.mail', true],
    ['\uD800', 'users.%EF%BF%BD.mail', false],
    ['ann', 'users.ann', false],
  ])('for the principal %j and %s: %s', (id, pattern, isGranted) =>
    expect(rules.grant({ id }, pattern)).toBe(isGranted),
  );
});

describe('a rule that makes no sense is refused at start, by its place', () => {
  it.each<[AccessRule, string]>([
    [{ pattern: 'news..>', access: 'public' }, 'topics[1] ("news..>"): "news..>" is not a topic pattern'],
    [{ pattern: 'a.>.b' }, 'topics[1] ("a.>.b")'],
    [{ pattern: undefined as never }, 'topics[1]'],
    [{ pattern: 'a', access: 'pubic' as never }, '"pubic" is none of them'],
    [{ pattern: 'a', access: null as never }, 'null is none of them'],
    [{ pattern: 'users.>', access: 'self' }, 'needs one parameter'],
    [{ pattern: 'users.:id.:other', access: 'self' }, 'needs one parameter'],
    [{ pattern: 'users.:', access: 'self' }, 'need names'],
  ])('%o', (rule, message) => {
    const make = () => new AccessRules([{ pattern: 'a' }, rule]);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  });
});
