import { Agent, request } from 'node:http';
import { Client, repeat, times } from '../clients.mjs';

const eventsOfPage = 1_000;
const crowd = 50_000;

/**
 * Pages of the past, as large as they may be: a thousand asked for each second, by so many users that none is over its rates.
 * At the same time the newest thousand events of each of so many topics that the scan of the window never ends.
 */
export const historyPages = {
  name: 'history-pages',
  title: `1,000 pages of ${eventsOfPage} events a second, and last:1000 over ${crowd} topics`,

  async prepare(target) {
    await target.ask('publish', { topic: 'news.long', count: eventsOfPage, size: 240 });
    await target.ask('publish', { topic: 'news.item', count: 2 * crowd, topics: crowd });
  },

  async play(target) {
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    const answers = [];
    const readers = await Promise.all(
      times(4, async (index) => {
        const reader = await Client.open(target, `reader${index}`);
        reader.send('subscribe', { topics: ['news.item.*'], from: 'last:1000', ref: 'all' });
        return reader;
      }),
    );
    await repeat(5_000, 10, (turn) => {
      for (let n = 0; n < 10; n++) answers.push(page(target, agent, `user${(10 * turn + n) % 500}`));
    });
    const statuses = await Promise.all(answers);
    const pages = statuses.filter((status) => status === 200).length;
    await Promise.all(readers.map((reader) => reader.until(isLive)));
    const received = readers.map((reader) => reader.all('message').length);
    for (const reader of readers) reader.leave();
    agent.destroy();
    const faults = [];
    if (pages !== answers.length) faults.push(`${answers.length - pages} pages were refused`);
    if (received.some((count) => count < 2 * crowd)) faults.push('not everything was delivered');
    return { note: `${pages} pages, ${received.join(', ')} events received`, faults };
  },
};

const isLive = (reader) => reader.all('live').length > 0;

/** Asks for a page, and reads it. Resolves with the status; `undefined` if there is no whole answer. */
function page(target, agent, name) {
  const options = { agent, headers: { authorization: `Bearer ${name}` } };
  return new Promise((resolve) => {
    const path = `/push/history?topic=news.long&limit=${eventsOfPage}`;
    const asked = request(target.url(path), options, (response) => {
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve(response.statusCode)).resume();
    });
    asked.on('error', () => resolve(undefined)).end();
  });
}
