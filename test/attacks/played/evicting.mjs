import { Client, repeat, times } from '../clients.mjs';

/** One user publishes as much as it may: its own past is dropped, and nobody else's. */
export const evicting = {
  name: 'evicting',
  title: "one user's 60 KB events on ever new topics, beside the history of another topic",

  async prepare(target) {
    const { first } = await target.ask('publish', { topic: 'news.quiet', count: 900, size: 300 });
    this.first = first;
  },

  async play(target) {
    const clients = await Promise.all(times(3, () => Client.open(target, 'mallory')));
    const data = 'y'.repeat(60_000);
    let n = 0;
    await repeat(6_000, 15, () => clients[n++ % 3].send('publish', { topic: `chat.${n}`, data }));
    const published = clients.reduce((sum, client) => sum + client.all('published').length, 0);
    for (const client of clients) client.leave();
    const reader = await Client.open(target);
    await reader.ask(
      'subscribe',
      { topics: ['news.quiet'], from: this.first },
      { answer: ['live', 'error'] },
    );
    const [gaps, events] = [reader.all('gap').length, reader.all('message').length];
    reader.leave();
    return {
      note: `${published} published; the other topic has ${events} of 899 left`,
      faults: gaps > 0 || events !== 899 ? ["another's history was driven out"] : [],
    };
  },
};
