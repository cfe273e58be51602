import { Client, repeat, times } from '../clients.mjs';
import { deep } from '../patterns.mjs';

const patterns = 250;

/** A pattern of many is left and asked for again, over and over: each change must cost what one pattern costs. */
export const churn = {
  name: 'churn',
  title: `unsubscribe and subscribe one of ${patterns} deep patterns, again and again`,

  async play(target) {
    const clients = await Promise.all(
      times(2, async (index) => {
        const client = await Client.open(target);
        const inner = client.innerWildcards;
        client.patterns = times(patterns, (n) =>
          n < inner ? deep(`news.${index}.${n}.*`) : `${deep(`news.${index}.${n}`).slice(0, -1)}*`,
        );
        await client.ask('subscribe', { topics: client.patterns });
        return client;
      }),
    );
    let messages = 0;
    await repeat(5_000, 10.5, (turn) => {
      for (const client of clients) {
        const topics = [client.patterns[turn % patterns]];
        client.send('unsubscribe', { topics });
        client.send('subscribe', { topics });
        messages += 2;
      }
    });
    const done = clients.reduce((sum, client) => sum + client.all('subscribed').length, 0);
    for (const client of clients) client.leave();
    return { note: `${messages} messages, ${done - 2} patterns added again` };
  },
};
