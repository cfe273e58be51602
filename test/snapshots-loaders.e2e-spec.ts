import { Injectable, NotFoundException, Scope } from '@nestjs/common';
import { PushModule, PushSnapshot, snapshotAt } from 'nestjs-push';
import { as } from './support/roles.js';
import { ann, errors, openEvents, start, storyOf, subscribe, type Call } from './support/snapshot-app.js';
import { createApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe('A loader that does not do its work', () => {
  const failures: [
    what: string,
    fail: (call: Call) => void,
    says: RegExp,
    retryable: boolean,
    reported: RegExp,
  ][] = [
    [
      'throws',
      (call) => call.fail(new Error('secret')),
      /^The state of orders\.1 could not be loaded\.$/,
      true,
      /Orders\.one/,
    ],
    [
      'refuses',
      (call) => call.fail(new NotFoundException('No such order')),
      /No such order\.$/,
      false,
      /Orders\.one/,
    ],
    ['hangs', () => undefined, /was not loaded in time/, true, /within 2000 ms/],
    [
      'returns too much',
      (call) => call.answer('x'.repeat(101)),
      /too large/,
      false,
      /103 bytes; snapshots\.bytes is 100/,
    ],
    ['returns undefined', (call) => call.answer(undefined), /could not be loaded/, false, /Return null/],
    ['returns a BigInt', (call) => call.answer(1n), /could not be loaded/, false, /as JSON/],
  ];

  it.each(failures)(
    'and %s fails that subscription alone, and is reported',
    async (_, fail, says, retryable, reported) => {
      const { app, database } = await start({ snapshots: { timeout: 2_000, bytes: 100 } });
      const client = await ann(app);
      await client.subscribe('news');
      const other = await openWs(app.webSocketUrl(), as('bob'));
      subscribe(client, ['orders.1'], { from: 'snapshot' }, 'r');
      subscribe(other, ['orders.2']);
      const [one, another] = [await database.next(), await database.next()];
      const own = one.context.topic === 'orders.1' ? one : another;
      (own === one ? another : one).answer('fine');
      fail(own);
      const error = await client.next('error');
      expect(error).toMatchObject({ ref: 'r', code: 'SNAPSHOT_FAILED', retryable });
      expect(error.message).toMatch(says);
      await eventually(() => errors.length > 0);
      expect(errors.map(([thrown, stage]) => [stage, String((thrown as Error).message)])).toEqual([
        ['snapshot', expect.stringMatching(reported)],
      ]);
      expect(await other.next('snapshot')).toMatchObject({ data: 'fine' });
      await app.bus.publish('news', 'on');
      await app.bus.publish('orders.1', 'unread');
      await app.bus.publish('news', 'and on');
      expect(await client.untilData(2)).toEqual(['on', 'and on']);
    },
  );

  it('after a gap has its topic taken back, which the client may ask for again', async () => {
    const { app, database } = await start();
    const old = await app.bus.publish('orders.1', 0);
    await app.bus.publishMany([1, 2, 3, 4].map((data) => ({ topic: 'orders.1', data })));
    const client = await ann(app);
    await client.subscribe('news');
    subscribe(client, ['orders.1'], { from: old, snapshot: true });
    (await database.next()).fail(new Error('down'));
    expect(await client.next('revoked')).toEqual({ topics: ['orders.1'], retryable: true });
    expect(client.all('error')).toMatchObject([{ code: 'SNAPSHOT_FAILED', retryable: true }]);
    await app.bus.publish('news', 'on');
    expect(await client.untilData(1)).toEqual(['on']);
    subscribe(client, ['orders.1']);
    (await database.next()).answer('again');
    expect(await client.next('snapshot')).toMatchObject({ data: 'again' });
  });

  it('has its call aborted when its client leaves, and nothing is left', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    subscribe(client, ['orders.1', 'orders.2']);
    const calls = [await database.next(), await database.next()];
    client.socket.terminate();
    await eventually(() => calls.every(({ context }) => context.signal.aborted));
    calls.forEach((call) => call.fail(new Error('given up')));
    const next = await ann(app);
    subscribe(next, ['orders.1']);
    (await database.next()).answer('fine');
    expect(await next.next('snapshot')).toMatchObject({ data: 'fine' });
    expect(errors).toEqual([]);
  });

  it('keeps its place until its time is over, even if its client has left: clients that come and go make no more of them', async () => {
    const { app, database } = await start({ snapshots: { concurrency: 1, timeout: 2_000 } });
    const client = await ann(app);
    const begun = performance.now();
    subscribe(client, ['orders.1']);
    const hung = await database.next();
    client.socket.terminate();
    await eventually(() => hung.context.signal.aborted);
    const next = await ann(app);
    subscribe(next, ['orders.2']);
    (await database.next()).answer('fine');
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    expect(await next.next('snapshot')).toMatchObject({ data: 'fine' });
    expect(errors).toEqual([]);
  });

  it('does not run for a topic that was unsubscribed before its turn, and never beside more than the bound', async () => {
    const { app, database } = await start({ snapshots: { concurrency: 1, waiting: 2 } });
    const client = await ann(app);
    subscribe(client, ['orders.1']);
    const first = await database.next();
    for (const id of [2, 3]) subscribe(client, [`orders.${id}`]);
    await client.ask('unsubscribe', { topics: ['orders.2'] });
    expect(database.untaken).toBe(0);
    subscribe(client, ['orders.4']);
    subscribe(client, ['orders.5']);
    expect(await client.next('error')).toMatchObject({
      ref: 'orders.5',
      code: 'SNAPSHOT_FAILED',
      retryable: true,
    });
    first.answer('a');
    const third = await database.next();
    expect(third.context.topic).toBe('orders.3');
    third.answer('c');
    (await database.next()).answer('d');
    await client.next('snapshot', 2);
    expect(client.all('snapshot').map(({ topic }) => topic)).toEqual(['orders.1', 'orders.3', 'orders.4']);
  });
});

describe('A shared loader', () => {
  it('runs once for all who ask at the same moment, without a principal', async () => {
    const { app, database } = await start();
    const clients = await Promise.all(
      ['ann', 'bob', 'cid'].map((name) => openWs(app.webSocketUrl(), as(name))),
    );
    for (const client of clients) subscribe(client, ['boards.7']);
    const call = await database.next();
    expect(call.context).toMatchObject({ params: { id: '7' }, principal: undefined });
    const late = await openEvents(app, 'topic=boards.7&from=snapshot');
    await app.bus.publish('boards.7', 'meanwhile');
    clients[2]!.socket.terminate();
    call.answer('state');
    for (const client of clients.slice(0, 2)) {
      await client.next('live');
      expect(storyOf(client)).toEqual(['subscribed', 'snapshot state', 'message meanwhile', 'live']);
    }
    await late.untilEvents(2);
    expect(late.events.map(({ type }) => type)).toEqual(['push.snapshot', 'message']);
    expect(database.untaken).toBe(0);
    subscribe(clients[0]!, ['boards.7'], { from: 'snapshot' }, 'later');
    (await database.next()).answer('newer');
  });
});

describe('@PushSnapshot()', () => {
  const create = (...providers: (new () => object)[]) =>
    createApp('express', { imports: [PushModule.forRoot()], providers }).then((app) => app.init());

  it('is refused on two methods for the same topics', async () => {
    class Twice {
      @PushSnapshot('orders.:id')
      one() {
        return 1;
      }

      @PushSnapshot('orders.:name')
      another() {
        return 2;
      }
    }
    await expect(create(Twice)).rejects.toThrow(/Twice\.another\(\) and Twice\.one\(\) both load orders\.\*/);
  });

  it('is refused on a provider that is made for each request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @PushSnapshot('orders.:id')
      load() {
        return 1;
      }
    }
    await expect(create(PerRequest)).rejects.toThrow(
      /PerRequest\.load\(\) cannot belong to a request-scoped provider/,
    );
  });

  it('refuses what is no id where the state is as of an event', () => {
    expect(() => snapshotAt(1, 'yesterday')).toThrow(/"yesterday" is not an id/);
  });
});
