import { Client, repeat, times } from '../clients.mjs';

const pairs = 200;

/** Each two clients have topics of their own, so that nothing is compressed for more than two: a compressor for each pair. */
export const smallAudiences = {
  name: 'small-audiences',
  title: `${pairs} pairs that read all events, compressed for each pair apart; 20 events of 4 KB a second besides`,

  async play(target) {
    const opened = [];
    for (let pair = 0; pair < pairs; pair++)
      for (const client of await Promise.all(times(2, () => Client.open(target, undefined, true)))) {
        await client.ask('subscribe', { topics: ['news.>', `news.pair.${pair}`] });
        opened.push(client);
      }
    const before = { ...(await target.ask('stats')).delivered, ...(await target.ask('cpu')) };
    await repeat(5_000, 50, () => void target.ask('publish', { topic: 'news.order', size: 4_000 }));
    const after = { ...(await target.ask('stats')).delivered, ...(await target.ask('cpu')) };
    for (const client of opened) client.leave();
    const grew = (key) => after[key] - before[key];
    const compressed = (grew('bytes') / grew('written')).toFixed(1);
    return { note: `${Math.round(grew('milliseconds') / 5)} ms of CPU a second, ÷ ${compressed}` };
  },
};
