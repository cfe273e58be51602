import { Rooms, start, storyOf } from './support/finite-app.js';
import { openSse, openStream } from './support/sse-reader.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

const events = (app: RunningApp, query: string, id?: string) =>
  openSse(app.url(`/push/events?${query}`), id === undefined ? {} : { headers: { 'Last-Event-ID': id } });

describe('A stream of finite topics', () => {
  it.each(['direct', 'piped'])(
    'that is %s ends with the topic, and 204 keeps its client away',
    async (route) => {
      const { app, bus } = await start();
      const stream = await openStream(app.url(`/${route}`));
      await bus.publish('runs.1', 'a');
      await stream.untilEvents(1);
      const id = await bus.end('runs.1');
      await stream.untilEnd();
      expect(stream.events.slice(1)).toEqual([
        { type: 'push.ended', id, data: '{"topic":"runs.1","reason":"done"}' },
      ]);
      expect(stream.lastEventId).toBe('push.end');
      const again = await openSse(app.url(`/${route}`), { headers: { 'Last-Event-ID': 'push.end' } });
      expect([again.status, await again.untilEnd()]).toEqual([204, '']);
    },
  );

  it.each(['direct', 'piped'])(
    'that is %s tells a client of an end that it was cut off from',
    async (route) => {
      const { app, bus } = await start();
      await bus.publish('runs.1', 'a');
      const id = await bus.end('runs.1', { reason: 'failed' });
      const stream = await openSse(app.url(`/${route}`), { headers: { 'Last-Event-ID': id } });
      await stream.untilEnd();
      expect(stream.events.map(({ type, data }) => [type, data])).toEqual([
        ['push.ended', '{"topic":"runs.1","reason":"failed"}'],
      ]);
      expect(stream.lastEventId).toBe('push.end');
    },
  );

  it('ends when all of its topics have, and tells of each', async () => {
    const { app, bus } = await start();
    const stream = await openStream(app.url('/two'));
    await bus.publish('runs.2', 'a', { end: true });
    await stream.untilEvents(2);
    await bus.publish('runs.1', 'b');
    await bus.end('runs.1');
    await stream.untilEnd();
    expect(stream.events.map(({ type, data }) => [type, data])).toEqual([
      ['message', '{"topic":"runs.2","data":"a"}'],
      ['push.ended', '{"topic":"runs.2","reason":"done"}'],
      ['message', '{"topic":"runs.1","data":"b"}'],
      ['push.ended', '{"topic":"runs.1","reason":"done"}'],
    ]);
  });

  it('of a wildcard goes on', async () => {
    const { app, bus } = await start();
    const stream = await events(app, 'topic=runs.*');
    await stream.until(() => stream.body.includes('retry: '));
    await bus.end('runs.1');
    await bus.publish('runs.2', 'b');
    await stream.untilEvents(2);
    expect(stream.isEnded).toBe(false);
    expect(stream.events.map(({ type }) => type)).toEqual(['push.ended', 'message']);
  });

  it('is told of the end of its topic also where the last event excepts it', async () => {
    const { app, bus } = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1']);
    const { connection } = client.messages[0]!.data as { connection: string };
    await bus.publish('runs.1', 'from me', { end: true, except: connection });
    await client.until(() => storyOf(client).length > 0);
    expect(storyOf(client)).toEqual([['ended', 'runs.1', 'done']]);
  });
});

describe('A client of the message protocol', () => {
  it('reads a topic no more when that has ended, and may ask for others', async () => {
    const { app, bus } = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1', 'news']);
    await bus.publish('runs.1', 'a', { end: true });
    await client.until(() => storyOf(client).length === 2);
    await bus.forget('runs.1');
    await bus.publish('runs.1', 'of the next run');
    await bus.publish('news', 'b');
    await client.until(() => storyOf(client).length === 3);
    expect(storyOf(client)).toEqual([
      ['message', 'runs.1', 'a'],
      ['ended', 'runs.1', 'done'],
      ['message', 'news', 'b'],
    ]);
    expect(bus.stats().subscriptions).toBe(1);
  });

  it('that comes after the end is told of it, without an id, after it is live', async () => {
    const { app, bus } = await start();
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1', { reason: 'cancelled' });
    const client = await openWs(app.webSocketUrl());
    client.send({ event: 'subscribe', data: { topics: ['runs.1'] } });
    await client.until(() => storyOf(client).length === 1);
    expect(client.messages.slice(-2)).toMatchObject([
      { event: 'live' },
      { event: 'ended', data: { topic: 'runs.1', reason: 'cancelled' } },
    ]);
    expect(client.messages.at(-1)!.data).not.toHaveProperty('id');
  });

  it('that asks once more for a topic while it ends gets all that it asked for', async () => {
    const { app, bus } = await start();
    for (let n = 0; n < 500; n++) await bus.publish('runs.1', n);
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1']);
    client.send({ event: 'subscribe', data: { topics: ['runs.1'], from: 'earliest', repeat: true } });
    await bus.end('runs.1');
    await client.until(() => storyOf(client).filter(([event]) => event === 'ended').length > 0);
    client.send({ event: 'subscribe', data: { topics: ['runs.1'], from: 'earliest', repeat: true } });
    await client.until(() => storyOf(client).filter(([event]) => event === 'message').length >= 1_000);
  });

  it('that asks once more for a topic stays present in it until that has come to its end too', async () => {
    const { app, bus } = await start();
    const presence = bus.presence('rooms.1');
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['rooms.1']);
    await eventually(() => presence.count === 1);
    const changes: string[] = [];
    presence.changes.subscribe(({ type }) => changes.push(type));
    client.send({ event: 'subscribe', data: { topics: ['rooms.1'], from: 'snapshot', repeat: true } });
    const { answers } = app.nest.get(Rooms);
    await eventually(() => answers.length === 1);
    await bus.end('rooms.1');
    await client.until(() => storyOf(client).length === 1);
    // What is written of its presence is written in order.
    await client.subscribe(['rooms.2']);
    await eventually(() => bus.presence('rooms.2').count === 1);
    expect([presence.count, changes]).toEqual([1, []]);
    answers[0]!({ chairs: 4 });
    await eventually(() => presence.count === 0);
    expect(changes).toEqual(['leave']);
  });
});
