import { CompressibleTopics, type CompressionRule } from './compressible-topics.js';
import type { TopicAccess } from './topic-access.js';
import { overlaps } from '../contracts/topic.js';

/** Clients may publish to these. */
const publishable = ['rooms.*', 'orders.*.notes'];

function topicsOf(topics: readonly CompressionRule[] = [], compression = true): CompressibleTopics {
  const access = { isPublishable: (pattern: string) => publishable.some((own) => overlaps(own, pattern)) };
  return new CompressibleTopics({ topics, compression }, access as unknown as TopicAccess);
}

describe('Topics are compressed together', () => {
  it.each([[['news']], [['news', 'orders.1']], [['orders.*', 'users.7.>']], [['rooms.1']]])(
    'unless somebody can publish to them who sees how long the others are: %j',
    (topics) => expect(topicsOf().allow(topics)).toBe(true),
  );

  it.each([
    [['rooms.1', 'news']],
    [['rooms.1', 'rooms.2']],
    [['rooms.*']],
    [['>']],
    [['orders.>']],
    [['$presence.news.>']],
    [['news', '$run.news']],
  ])('and not if they can: %j', (topics) => expect(topicsOf().allow(topics)).toBe(false));

  it('unless the module or the first rule that matches says no', () => {
    expect(topicsOf([], false).allow(['news'])).toBe(false);
    const rules = [
      { pattern: 'orders.:id', compression: true },
      { pattern: '>', compression: false },
    ];
    expect(topicsOf(rules).allow(['orders.1'])).toBe(true);
    expect(topicsOf(rules).allow(['orders.*'])).toBe(true);
    for (const other of ['orders.1.lines', 'orders.>', 'news'])
      expect(topicsOf(rules).allow([other])).toBe(false);
    expect(topicsOf(rules).allow(['orders.1', 'news'])).toBe(false);
    expect(topicsOf([{ pattern: 'secrets.>', compression: false }]).allow(['>'])).toBe(false);
  });
});
