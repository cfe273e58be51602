import { MemoryLog } from 'nestjs-push/testing';
import { postJson } from './support/post-json.js';
import { changesOf, startNamed, startNode } from './support/presence-app.js';
import { as } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { platforms } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs, type WsClient } from './support/ws-client.js';

describe.each(platforms)('Presence on %s', (platform) => {
  it('has the clients that read a topic, over WebSocket, SSE and messages over HTTP', async () => {
    const app = await startNode(platform);
    const presence = app.bus.presence('rooms.1');
    const socket = await openWs(app.url('/push'));
    await socket.subscribe(['rooms.1', 'rooms.*', 'plain.1']);
    await eventually(() => presence.count === 1);
    const stream = await openStream(app.url('/push/events?topic=rooms.1'));
    await eventually(() => presence.count === 2);
    const body = JSON.stringify({ subscribe: [{ topics: ['rooms.1'] }] });
    const headers = { 'content-type': 'application/json' };
    const messages = await openStream(app.url('/push/events'), { method: 'POST', body, headers });
    await eventually(() => presence.count === 3);
    expect(presence.members().map(({ user }) => user)).toEqual([undefined, undefined, undefined]);
    expect(presence.users()).toHaveLength(3);
    expect([stream.status, messages.status]).toEqual([200, 200]);
  });

  it('has clients of routes that say so, and what the route says of them', async () => {
    const app = await startNode(platform);
    const presence = app.bus.presence('rooms.1');
    await openStream(app.url('/absent'));
    await openStream(app.url('/present'));
    await eventually(() => presence.count === 1);
    expect(presence.members()).toMatchObject([{ data: { by: 'route' } }]);
    await openStream(app.url('/piped'));
    await eventually(() => presence.count === 2);
  });

  it('tells readers of members, as state, and the server of users', async () => {
    const app = await startNamed(platform);
    const presence = app.bus.presence('rooms.1');
    const changes = changesOf(presence);
    const ann = await openWs(app.url('/push'), as('ann'));
    const reader = await openWs(app.url('/push'), as('bob'));
    await ann.subscribe('rooms.1');
    expect(await reader.subscribe('$presence.rooms.1.>', 'last')).toMatchObject({ event: 'subscribed' });
    await reader.untilData(1);
    expect(reader.data).toEqual([{ user: 'ann' }]);
    ann.send({ event: 'presence', data: { topic: 'rooms.1', data: { typing: true } } });
    expect((await reader.untilData(2))[1]).toEqual({ user: 'ann', data: { typing: true } });
    ann.send({ event: 'presence', data: { topic: 'rooms.1', data: null } });
    expect((await reader.untilData(3))[2]).toEqual({ user: 'ann' });
    // A second tab is another member of the same user.
    const tab = await openWs(app.url('/push'), as('ann'));
    await tab.subscribe('rooms.1');
    await reader.untilData(4);
    expect(presence.users()).toEqual([{ user: 'ann', data: undefined, clients: 2 }]);
    await tab.ask('unsubscribe', { topics: ['rooms.1'] });
    await reader.next('removed');
    await ann.ask('unsubscribe', { topics: ['rooms.1'] });
    await reader.next('removed', 1);
    expect(changes).toEqual(['join ann', 'update ann', 'update ann', 'leave ann']);
    expect(presence.count).toBe(0);
  });

  it('a client that changes rooms leaves the first', async () => {
    const app = await startNode(platform);
    const client = await openWs(app.url('/push'));
    await client.subscribe('rooms.1');
    await eventually(() => app.bus.presence('rooms.1').count === 1);
    await client.ask('unsubscribe', { topics: ['rooms.1'] });
    await client.subscribe('rooms.2');
    await eventually(
      () => app.bus.presence('rooms.1').count === 0 && app.bus.presence('rooms.2').count === 1,
    );
  });

  it('a client sets its data over HTTP, on any node', async () => {
    const log = new MemoryLog();
    const [one, two] = [
      await startNamed(platform, { backplane: log.node() }),
      await startNamed(platform, { backplane: log.node() }),
    ];
    const client = await openWs(one.url('/push'), as('ann'));
    const token = (await client.next('hello')).client as string;
    await client.subscribe('rooms.1');
    await eventually(() => two.bus.presence('rooms.1').count === 1);
    for (const [app, data] of [
      [two, 'from two'],
      [one, 'from one'],
      [two, 'from two again'],
    ] as const) {
      const url = app.url(`/push/presence?client=${token}`);
      const answer = await postJson(url, { topic: 'rooms.1', data }, as('ann').headers);
      expect([answer.status, answer.body]).toEqual([200, {}]);
      await eventually(() => one.bus.presence('rooms.1').users()[0]?.data === data);
    }
    const stranger = await postJson(
      two.url(`/push/presence?client=${token}`),
      { topic: 'rooms.1', data: 1 },
      as('bob').headers,
    );
    expect([stranger.status, stranger.body]).toMatchObject([403, { code: 'FORBIDDEN' }]);
    await client.ask('unsubscribe', { topics: ['rooms.1'] });
    await eventually(() => two.bus.presence('rooms.1').count === 0);
  });

  it('counts clients above the most members, which get their places when those leave', async () => {
    const app = await startNode(platform);
    const presence = app.bus.presence('small.1');
    const clients: WsClient[] = [];
    for (let index = 0; index < 5; index++) {
      const client = await openWs(app.url('/push'));
      await client.subscribe('small.1');
      clients.push(client);
    }
    await eventually(() => presence.count === 5);
    expect(presence.members()).toHaveLength(2);
    clients[0]!.socket.terminate();
    await eventually(() => presence.count === 4 && presence.members().length === 2);
    for (const client of clients) client.socket.terminate();
    await eventually(() => presence.count === 0);
  });

  it('counts only, where a rule says so', async () => {
    const app = await startNode(platform);
    const presence = app.bus.presence('counted.1');
    const reader = await openWs(app.url('/push'));
    await reader.subscribe('$presence.counted.1.>', 'last');
    const client = await openWs(app.url('/push'));
    await client.subscribe('counted.1');
    await eventually(() => presence.count === 1);
    expect(await reader.untilData(1)).toEqual([{ count: 1 }]);
    expect(reader.all('message')[0]!.topic).toMatch(/^\$presence\.counted\.1\.\$count\.[\w-]+$/);
    expect(presence.members()).toEqual([]);
    client.socket.terminate();
    await reader.next('removed');
    expect(presence.count).toBe(0);
  });

  it('is seen by those who may read the topic, unless a policy refuses', async () => {
    const app = await startNamed(platform);
    const [ann, stranger] = [
      await openWs(app.url('/push'), as('ann')),
      await openWs(app.url('/push'), as('stranger')),
    ];
    const may = async (client: WsClient, topic: string) =>
      (await client.subscribe(topic)).event === 'subscribed';
    expect(await may(ann, '$presence.rooms.1.>')).toBe(true);
    expect(await may(ann, '$presence.rooms.1.*')).toBe(true);
    expect(await may(ann, '$presence.rooms.*.*')).toBe(true);
    expect(await may(ann, '$presence.rooms.1.$count.*')).toBe(true);
    expect(await may(ann, '$presence.offices.1.>')).toBe(true);
    expect(await may(stranger, '$presence.offices.1.>')).toBe(false);
    expect(await may(ann, '$presence.offices.private.>')).toBe(false);
    for (const denied of [
      '$presence.offices.*.*',
      '$presence.plain.1.>',
      '$presence.>',
      '$lease.>',
      '$presence.*',
    ])
      expect([denied, await may(ann, denied)]).toEqual([denied, false]);
  });

  it('refuses what a client may not say of itself', async () => {
    const app = await startNamed(platform);
    const client = await openWs(app.url('/push'), as('ann'));
    await client.subscribe(['rooms.1', 'offices.1', 'plain.1']);
    const code = async (data: object) => (await client.ask('presence', data)).code;
    expect(await code({ topic: 'rooms.2', data: 1 })).toBe('FORBIDDEN');
    expect(await code({ topic: 'plain.1', data: 1 })).toBe('FORBIDDEN');
    expect(await code({ topic: 'rooms.*', data: 1 })).toBe('INVALID_TOPIC');
    expect(await code({ data: 1 })).toBe('INVALID_MESSAGE');
    expect(await code({ topic: 'rooms.1', data: 'x'.repeat(1_023) })).toBe('DATA_TOO_LARGE');
    expect(await code({ topic: 'offices.1', data: { admin: true } })).toBe('INVALID_MESSAGE');
    client.send({ event: 'presence', data: { topic: 'offices.1', data: { typing: true } } });
    await eventually(() => app.bus.presence('offices.1').users()[0]?.data !== undefined);
    expect(app.bus.presence('offices.1').users()).toMatchObject([{ data: { typing: true } }]);
  });

  it('is refused for topics without it, and costs nothing where no rule has it', async () => {
    const app = await startNode(platform, { topics: [{ pattern: 'plain.*', access: 'public' }] });
    expect(() => app.bus.presence('plain.1')).toThrow('presence: true');
    expect(() => app.bus.presence('plain.*')).toThrow('is not a topic');
    expect(app.bus.stats().window.topics).toBe(0);
    expect(app.bus.stats().connections).toBe(0);
  });
});
