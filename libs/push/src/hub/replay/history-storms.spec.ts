import { jest } from '@jest/globals';
import { append, numbers, restarted } from '../../../test/models/late-node.js';

/** A storm takes its time on a machine that is busy. */
jest.setTimeout(180_000);

describe('A storm of clients that come back', () => {
  it('does not reach the history while the window has what they need', async () => {
    const node = restarted((log) => append(log, 'a', [1]), { retention: { events: 50, age: Infinity } });
    node.publish('a', ...numbers(100, 2));
    for (const n of numbers(500)) {
      const client = node.connect();
      if (n % 3 === 0) client.cursor.subscribe(['a'], 'last');
      else client.cursor.subscribe(['a', `b.${n}`], node.id(1 + (n % 100)));
    }
    await node.live();
    expect(node.history.queries).toEqual([]);
  });

  it('shares what has to be read, from wherever each goes on', async () => {
    const node = restarted((log) => append(log, 'a', numbers(900)));
    node.publish('a', 901);
    const clients = numbers(2_000).map((n) => {
      const client = node.connect();
      client.cursor.subscribe(['a'], node.id((n * 7) % 900));
      return { client, from: (n * 7) % 900 };
    });
    await node.live();
    for (const { client, from } of clients) {
      const data = client.batches.flatMap(({ events }) => events.map((event) => Number(event.data)));
      expect(data).toEqual(numbers(901 - from, from + 1));
    }
    expect(node.history.queries.length).toBeLessThan(100);
  });

  it('with topics of their own wait for each other: few pages are read at once', async () => {
    const node = restarted((log) => numbers(200).forEach((n) => append(log, `user.${n}`, [n])));
    const clients = numbers(200).map((n) => {
      const client = node.connect();
      client.cursor.subscribe([`user.${n}`], node.id(0));
      return client;
    });
    const { reading, waiting } = node.hub.stats().history;
    expect(reading).toBe(4);
    expect(waiting).toBeGreaterThan(4);
    await node.live();
    expect(clients.map(({ story }) => story)).toEqual(numbers(200).map((n) => [`user.${n}=${n}`]));
    expect(node.history.mostReading).toBe(4);
    expect(node.hub.stats().history).toMatchObject({ pages: 200, reading: 0, waiting: 0 });
  });

  it('with many topics of one client leaves room for the others', async () => {
    const node = restarted((log) => numbers(100).forEach((n) => append(log, `user.${n}`, [n])));
    let answer = () => {};
    node.history.held = new Promise((resolve) => (answer = resolve));
    const budget = { spend: () => undefined, delay: 0 };
    const greedy = numbers(90).map((n) => {
      const client = Object.assign(node.connect(), { budget });
      client.cursor.subscribe([`user.${n}`], node.id(0));
      return client;
    });
    await node.until(() => node.hub.stats().history.waiting > 80);
    expect(node.history.reading).toBe(2);
    const modest = node.connect();
    modest.cursor.subscribe(['user.100'], node.id(0));
    await node.until(() => node.history.reading === 3);
    answer();
    await node.until(() => modest.cursor.isLive);
    expect(node.history.queries.findIndex(({ topics }) => topics.includes('user.100'))).toBe(2);
    await node.live();
    expect(greedy.map(({ story }) => story)).toEqual(numbers(90).map((n) => [`user.${n}=${n}`]));
  });

  it('is remembered in no more memory than is set aside', async () => {
    const node = restarted((log) =>
      numbers(400).forEach(() => log.append({ topic: 'a', data: `"${'x'.repeat(50_000)}"` })),
    );
    const client = node.connect();
    client.cursor.subscribe(['a'], node.id(0));
    await node.live();
    expect(client.batches.flatMap(({ events }) => events)).toHaveLength(400);
    const { bytes } = node.hub.stats().history;
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(bytes).toBeLessThan(16 * 1024 * 1024);
  });
});
