import { Client, times } from '../clients.mjs';
import { deep } from '../patterns.mjs';

/** What a client already has is compared with what it asks for: 70 bytes, against 254 patterns and all of the past. */
export const overlap = {
  name: 'overlap',
  title: '254 patterns, then news.> from earliest over 10,000 events',

  prepare: (target) =>
    target.ask('publish', { topic: 'news.item', count: 10_000, topics: 2_000, suffix: '.part' }),

  async play(target) {
    const client = await Client.open(target);
    const inner = client.innerWildcards;
    const topics = times(254, (n) => (n < inner ? deep(`news.${n}.*`) : `news.item.x${n}.*`));
    await client.ask('subscribe', { topics, from: 'earliest' }, { answer: ['live', 'error'] });
    const answer = await client.ask(
      'subscribe',
      { topics: ['news.>'], from: 'earliest' },
      { answer: ['live', 'error'] },
    );
    const received = client.all('message').filter(({ topic }) => topic !== 'news.tick').length;
    client.leave();
    return {
      note: `${received} events received`,
      faults: answer?.event === 'live' && received === 10_000 ? [] : ['not everything was delivered'],
    };
  },
};
