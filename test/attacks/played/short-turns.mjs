import { Client, repeat, times } from '../clients.mjs';

/** Messages that cost little each, from many at once, as many as their rates allow: together they are a lot. */
export const shortTurns = {
  name: 'short-turns',
  title: '40 clients send 1,500 small messages each at once, then 150 a second',

  async play(target) {
    const clients = await Promise.all(times(40, (n) => Client.open(target, `user-${n}`)));
    for (const client of clients)
      for (let n = 0; n < 1_500; n++) client.send('unsubscribe', { topics: [`news.${n}`] });
    await repeat(3_000, 100, () => {
      for (const client of clients) for (let n = 0; n < 15; n++) client.send('nonsense', { n });
    });
    const answered = clients.reduce((sum, { messages }) => sum + messages.length, 0);
    for (const client of clients) client.leave();
    return { note: `${answered} answers` };
  },
};
