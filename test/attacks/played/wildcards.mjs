import { Client, repeat, times } from '../clients.mjs';
import { maxTokens } from '../patterns.mjs';

const clients = 10;

/** Patterns of nothing but `a` and `*`, which a topic of nothing but `a` might all match, to the last token but one. */
export const wildcards = {
  name: 'wildcards',
  title: `${clients} connections of one user with 254 deep patterns, and 50 topics a second to match`,

  async play(target) {
    const before = await target.ask('memory');
    const opened = await Promise.all(times(clients, () => Client.open(target, 'mallory')));
    for (const client of opened) {
      const inner = client.innerWildcards;
      const topics = times(254, (n) => (n < inner ? mixed() : `chat.${n}.>`));
      await client.ask('subscribe', { topics });
    }
    const held = (await target.ask('memory')).heap - before.heap;
    // One token short: it matches none of them.
    const topic = `chat${'.a'.repeat(maxTokens - 2)}`;
    let n = 0;
    await repeat(4_000, 20, () => opened[n++ % clients].send('publish', { topic, data: 1, ephemeral: true }));
    const published = opened.reduce((sum, client) => sum + client.all('published').length, 0);
    for (const client of opened) client.leave();
    const kibibytes = Math.round(held / clients / 1024);
    return {
      note: `${kibibytes} KiB of heap a connection, ${published} published`,
      faults: kibibytes > 1_024 ? ['more than 1 MiB a connection'] : [],
    };
  },
};

function mixed() {
  return `chat${times(maxTokens - 1, () => (Math.random() < 0.5 ? '.a' : '.*')).join('')}`;
}

/** Many connections with many wildcards that are all different: memory, and every event is matched with all of them. */
export const manyWildcards = {
  name: 'many-wildcards',
  title: '100 clients with 254 short wildcards each, all different',

  async play(target) {
    const before = await target.ask('memory');
    const opened = [];
    for (let index = 0; index < 100; index++) {
      const client = await Client.open(target);
      const inner = client.innerWildcards;
      const topics = times(254, (n) => (n < inner ? `news.*.q${index}x${n}` : `news.q${index}x${n}.*`));
      await client.ask('subscribe', { topics });
      opened.push(client);
    }
    const held = (await target.ask('memory')).heap - before.heap;
    await repeat(2_000, 100, () => undefined);
    for (const client of opened) client.leave();
    const kibibytes = Math.round(held / opened.length / 1024);
    return {
      note: `${kibibytes} KiB of heap a connection`,
      faults: kibibytes > 512 ? ['more than 512 KiB a connection'] : [],
    };
  },
};
