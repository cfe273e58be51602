import { PushAccess, snapshotAt } from 'nestjs-push';
import { ann, start, storyOf, subscribe } from './support/snapshot-app.js';

describe('A WebSocket that begins by a snapshot', () => {
  it('gets the state, and what was published while that was loaded; its other topics go on meanwhile', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    await client.subscribe('news');
    const before = await app.bus.publish('orders.1', 'before');
    subscribe(client, ['orders.1']);
    const call = await database.next();
    expect(call.context).toMatchObject({ topic: 'orders.1', params: { id: '1' }, principal: { id: 'ann' } });
    await app.bus.publish('orders.1', 'meanwhile');
    await app.bus.publish('news', 'other');
    expect(await client.untilData(1)).toEqual(['other']);
    call.answer('state');
    await client.next('live', 1);
    await app.bus.publish('orders.1', 'after');
    await client.untilData(3);
    expect(storyOf(client).slice(2)).toEqual([
      'message other',
      'subscribed',
      'snapshot state',
      'message meanwhile',
      'live',
      'message after',
    ]);
    expect(client.all('snapshot')).toEqual([{ topic: 'orders.1', id: before, data: 'state' }]);
  });

  it('goes on after the event that the state is as of, which this node may still have to reach', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    const old = await app.bus.publish('orders.1', 1);
    await app.bus.publish('orders.1', 2);
    subscribe(client, ['orders.1']);
    (await database.next()).answer(snapshotAt('one', old));
    expect(await client.untilData(1)).toEqual([2]);
    expect(client.all('snapshot')).toEqual([{ topic: 'orders.1', id: old, data: 'one' }]);

    subscribe(client, ['orders.2']);
    const call = await database.next();
    await app.bus.publish('orders.2', 3);
    const newest = await app.bus.publish('orders.2', 4);
    await app.bus.publish('orders.2', 5);
    call.answer(snapshotAt('four', newest));
    await client.untilData(2);
    expect(storyOf(client).slice(-3)).toEqual(['snapshot four', 'message 5', 'live']);
  });

  it('gets the states of several topics; only the last one moves it', async () => {
    const { app, database } = await start();
    const client = await ann(app);
    subscribe(client, ['orders.1', 'now', 'orders.1.lines.2']);
    const first = await database.next();
    const second = await database.next();
    expect([first.context.params, second.context.params]).toEqual([{ id: '1' }, { id: '1' }]);
    second.answer({ a: [null, 'ü\n'] });
    first.answer(null);
    await client.next('live');
    const snapshots = client.all('snapshot');
    expect(snapshots.map(({ topic, data }) => [topic, data]).sort()).toEqual([
      ['now', { at: 'once' }],
      ['orders.1', null],
      ['orders.1.lines.2', { a: [null, 'ü\n'] }],
    ]);
    expect(snapshots.map((each) => 'id' in each)).toEqual([false, false, false]);
    await app.bus.publish('now', 1);
    subscribe(client, ['now']);
    expect(await client.next('snapshot', 3)).toMatchObject({ id: expect.any(String) as string });
  });

  it('is told again after a gap, and gets a fresh state; at most once in five seconds', async () => {
    const { app, database } = await start();
    const old = await app.bus.publish('orders.1', 0);
    await app.bus.publishMany([1, 2, 3, 4].map((data) => ({ topic: 'orders.1', data })));
    const client = await ann(app);
    subscribe(client, ['orders.1'], { from: old, snapshot: true });
    expect(await client.next('gap')).toEqual({
      reason: 'evicted',
      topics: ['orders.1'],
      id: old,
      snapshot: true,
    });
    (await database.next()).answer('fresh');
    await client.next('live');
    await app.bus.publish('orders.1', 5);
    await client.untilData(1);
    expect(storyOf(client)).toEqual(['subscribed', 'gap', 'snapshot fresh', 'live', 'message 5']);
    subscribe(client, ['orders.1'], { from: old, snapshot: true, repeat: true }, 'again');
    expect(await client.next('gap', 1)).not.toHaveProperty('snapshot');
    (await database.next()).answer('later');
    expect(await client.next('snapshot', 1)).toMatchObject({ data: 'later' });
  });

  it('resumes by its events alone, as long as there is no gap', async () => {
    const { app, database } = await start();
    const first = await ann(app);
    subscribe(first, ['orders.1']);
    (await database.next()).answer('state');
    await first.next('live');
    const id = await app.bus.publish('orders.1', 1);
    await first.untilData(1);
    first.socket.terminate();
    await app.bus.publish('orders.1', 2);
    const client = await ann(app);
    subscribe(client, ['orders.1'], { from: id, snapshot: true });
    await client.next('live');
    expect(storyOf(client)).toEqual(['subscribed', 'message 2', 'live']);
    expect(database.untaken).toBe(0);
  });

  it.each<[what: string, topics: string[], code: string, says: RegExp]>([
    ['a wildcard', ['orders.*'], 'INVALID_TOPIC', /no snapshot of "orders\.\*".*exact topics/],
    ['a topic that nothing loads', ['now', 'news'], 'INVALID_TOPIC', /no snapshot of "news".*@PushSnapshot/],
  ])('is refused %s', async (_, topics, code, says) => {
    const { app } = await start();
    const client = await ann(app);
    subscribe(client, topics, { from: 'snapshot' }, 'r');
    const error = await client.next('error');
    expect(error).toMatchObject({ ref: 'r', code, retryable: false });
    expect(error.message).toMatch(says);
  });
});

it('A right that ends while a state is loaded takes the topic back, and the state is not sent', async () => {
  const { app, database } = await start();
  const client = await ann(app);
  await client.subscribe('news');
  subscribe(client, ['orders.1']);
  const call = await database.next();
  await app.nest.get(PushAccess).revoke('ann', 'orders.*');
  expect(await client.next('revoked')).toEqual({ topics: ['orders.1'] });
  expect(call.context.signal.aborted).toBe(true);
  call.answer('secret');
  await app.bus.publish('orders.1', 'secret');
  await app.bus.publish('news', 'on');
  expect(await client.untilData(1)).toEqual(['on']);
  expect(client.all('snapshot')).toEqual([]);
});
