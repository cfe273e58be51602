import { MemoryBackplane, type Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { start } from './support/history-app.js';
import { numbers } from './support/numbers.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis } from './support/servers.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

const backplanes: [string, () => Promise<() => Backplane>][] = [
  [
    'memory',
    () => {
      const backplane = new MemoryBackplane();
      return Promise.resolve(() => backplane);
    },
  ],
  [
    'Redis',
    async () => {
      const server = await startRedis();
      afterTest(() => server.dispose());
      return () => redisBackplane({ url: `redis://127.0.0.1:${server.port}` });
    },
  ],
  [
    'NATS',
    async () => {
      const server = await startNats();
      afterTest(() => server.dispose());
      return () => natsBackplane({ servers: `127.0.0.1:${server.port}` });
    },
  ],
  [
    'Postgres',
    async () => {
      const server = await startPostgres();
      afterTest(() => server.dispose());
      return () => postgresBackplane({ url: urlOf(server.port) });
    },
  ],
];

describe.each(backplanes)('bus.history() with %s', (name, create) => {
  const all = async (app: RunningApp, topic: string, limit: number) => {
    const pages: unknown[][] = [];
    let gap: string | undefined;
    for (let before: string | undefined, isFirst = true; isFirst || before; isFirst = false) {
      const page = await app.bus.history(topic, { before, limit });
      pages.unshift(page.events.map(({ data }) => data));
      ({ before, gap } = page);
    }
    return { pages, gap };
  };

  /** A node reads its log a moment after it was written. */
  const untilNewest = (app: RunningApp, topic: string, start: unknown) =>
    eventually(async () => {
      const { events } = await app.bus.history(topic, { limit: 1 });
      return String(events[0]?.data).startsWith(String(start));
    });

  it('reads a past backwards, over a restart where the log outlives it', async () => {
    const backplane = await create();
    const options = () => ({
      backplane: backplane(),
      retention: { events: 500 },
      topics: [{ pattern: '>', access: 'public' as const }],
    });
    let app = await start('express', options());
    await eventually(async () => (await app.bus.health()).ready);
    await Promise.all(
      numbers(300).flatMap((n) => [
        app.bus.publish('long', n),
        ...(n % 3 === 0 ? [app.bus.publish('b', n)] : []),
      ]),
    );
    if (name !== 'memory') {
      await app.close();
      app = await start('express', options());
      await eventually(async () => (await app.bus.health()).ready);
    }
    await app.bus.publish('long', 301);
    await untilNewest(app, 'long', 301);
    const { pages, gap } = await all(app, 'long', 40);
    expect(pages.flat()).toEqual(numbers(301));
    expect([gap, pages.at(-1)!.length, (await all(app, 'b', 1_000)).pages.flat()]).toEqual([
      undefined,
      40,
      numbers(100).map((n) => n * 3),
    ]);
    expect(await app.bus.history('never')).toEqual({ events: [] });
  });

  it('says at the beginning that older events are gone', async () => {
    const backplane = await create();
    const app = await start('express', { backplane: backplane(), retention: { events: 10 } });
    await eventually(async () => (await app.bus.health()).ready);
    await Promise.all(numbers(40).map((n) => app.bus.publish('a', n)));
    await untilNewest(app, 'a', 40);
    const { pages, gap } = await all(app, 'a', 4);
    expect([pages.flat(), gap]).toEqual([numbers(10, 31), 'evicted']);
  });

  it('keeps a page within its bytes, and says where to go on', async () => {
    const backplane = await create();
    const app = await start('express', { backplane: backplane(), retention: { bytes: 300_000 } });
    await eventually(async () => (await app.bus.health()).ready);
    const large = 'x'.repeat(60_000);
    for (const n of numbers(12)) await app.bus.publish('a', `${n} ${large}`);
    await untilNewest(app, 'a', 12);
    const { pages, gap } = await all(app, 'a', 1_000);
    const found = pages.flat().map((each) => parseInt(each as string, 10));
    for (const page of pages) expect(page.length).toBeLessThanOrEqual(5);
    // Memory alone has lost the first ones.
    expect([found, gap]).toEqual(
      name === 'memory' ? [numbers(found.length, 13 - found.length), 'evicted'] : [numbers(12), undefined],
    );
  });

  it('refuses what makes no sense', async () => {
    const app = await start('express', { backplane: (await create())() });
    await eventually(async () => (await app.bus.health()).ready);
    await expect(app.bus.history('a.*')).rejects.toMatchObject({ code: 'INVALID_TOPIC' });
    for (const limit of [0, 1_001, 1.5, NaN])
      await expect(app.bus.history('a', { limit })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(app.bus.history('a', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CLOSED',
    });
    await app.close();
    await expect(app.bus.history('a', { before: 'epoch-1' })).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
