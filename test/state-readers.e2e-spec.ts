import { PushModule, type PushOptions } from 'nestjs-push';
import { openStream } from './support/sse-reader.js';
import { platforms, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

const board = { pattern: 'board.*', access: 'public' as const, state: true };

describe.each(platforms)('clients that read state topics on %s', (platform) => {
  const start = (options: PushOptions = {}) =>
    startApp(platform, { imports: [PushModule.forRoot({ topics: [board], ...options })] });

  it('get the newest event of each topic that has changed when they resume, and no gap', async () => {
    const app = await start();
    const seen = await app.bus.publish('board.1', 'a');
    await app.bus.publish('board.1', 'b');
    await app.bus.publish('board.2', 'c');
    await app.bus.publish('board.1', 'd');
    const removed = await app.bus.remove('board.2');
    const headers = { 'last-event-id': seen };
    const reader = await openStream(app.url('/push/events?topic=board.*'), { headers });
    await reader.until(() => reader.lastEventId === removed);
    expect(reader.events.map(({ type, data }) => [type, data])).toEqual([
      ['message', '{"topic":"board.1","data":"d"}'],
      ['push.removed', '{"topic":"board.2"}'],
    ]);
  });

  it('are told of removals over WebSocket', async () => {
    const app = await start();
    const client = await openWs(app.url('/push'));
    await client.subscribe('board.*');
    await app.bus.publish('board.1', 'a');
    const id = await app.bus.remove('board.1');
    expect(await client.next('removed')).toEqual({ topic: 'board.1', id });
    expect(client.data).toEqual(['a']);
  });

  it('forget everything once removals are forgotten, and get the whole state, without ids', async () => {
    const app = await start({ topics: [{ ...board, tombstones: 1 }] });
    await app.bus.publish('board.1', 'stays');
    const seen = await app.bus.publish('board.2', 'goes');
    await app.bus.remove('board.2');
    // The node looks for what is too old once in a while.
    const resume = async () => {
      const headers = { 'last-event-id': seen };
      const reader = await openStream(app.url('/push/events?topic=board.*'), { headers });
      const last = await app.bus.publish('board.3', 'new');
      await reader.until(() => reader.lastEventId === last);
      return reader;
    };
    let reader = await resume();
    await eventually(async () => (reader = await resume()).gaps.length > 0);
    expect(reader.gaps).toEqual([{ reason: 'evicted', topics: ['board.*'], id: seen, reset: true }]);
    const [, stays, ...news] = reader.events;
    // The id is still that of the notice.
    expect(stays).toEqual({ type: 'message', id: seen, data: '{"topic":"board.1","data":"stays"}' });
    expect(news.every(({ data }) => data === '{"topic":"board.3","data":"new"}')).toBe(true);
    expect(reader.body).not.toContain('goes');
  });

  it('are told when the time of a state is over, unless it was published again', async () => {
    const app = await start({ topics: [{ ...board, ttl: 60 }] });
    const client = await openWs(app.url('/push'));
    await client.subscribe('board.*', 'last');
    await app.bus.publish('board.1', 'a');
    await client.next('removed');
    await app.bus.publish('board.1', 'b');
    expect((await client.next('removed', 1)).topic).toBe('board.1');
    expect(client.messages.filter(({ event }) => ['message', 'removed'].includes(event))).toHaveLength(4);
    await app.bus.publish('board.1', 'c', { expect: 'none' });
  });
});
