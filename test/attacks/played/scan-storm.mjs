import { Client, times } from '../clients.mjs';
import { fruitless } from '../patterns.mjs';

/** Patterns that match nothing, from the beginning: all of the past is looked at, for nothing. */
export const scanStorm = {
  name: 'scan-storm',
  title: '10 clients, three times 254 patterns that match nothing, from earliest',

  prepare: (target) =>
    target.ask('publish', { topic: 'news.item', count: 200_000, topics: 2_000, suffix: '.part' }),

  async play(target) {
    const clients = await Promise.all(times(10, () => Client.open(target)));
    for (const [index, client] of clients.entries()) {
      for (let round = 0; round < 3; round++) {
        const topics = fruitless(254, client.innerWildcards, `${index}${'abc'[round]}`);
        client.send('subscribe', { topics, from: 'earliest', ref: `${round}` });
        if (round < 2) client.send('unsubscribe', { topics });
      }
    }
    const began = performance.now();
    const isDone = ({ messages }) =>
      messages.some(({ event, data }) => data.ref === '2' && (event === 'live' || event === 'error'));
    const answered = await Promise.all(clients.map((client) => client.until(isDone)));
    for (const client of clients) client.leave();
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    return {
      note: `answered after ${seconds} s`,
      faults: answered.every(Boolean) ? [] : ['a client was never answered'],
    };
  },
};
