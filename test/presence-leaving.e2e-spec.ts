import { MemoryLog } from 'nestjs-push/testing';
import { changesOf, startNamed, startNode } from './support/presence-app.js';
import { as } from './support/roles.js';
import { platforms, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe.each(platforms)('Presence on %s', (platform) => {
  it('a client that is gone has left after the grace', async () => {
    const app = await startNamed(platform);
    const changes = changesOf(app.bus.presence('brief.1'));
    const client = await openWs(app.url('/push'), as('ann'));
    await client.subscribe('brief.1');
    await eventually(() => changes.length === 1);
    client.socket.terminate();
    await eventually(() => changes.length === 2);
    expect(changes).toEqual(['join ann', 'leave ann']);
  });

  it('a client that comes back within the grace has never left, nor come, with what it had set', async () => {
    const app = await startNamed(platform);
    const presence = app.bus.presence('rooms.1');
    const changes = changesOf(presence);
    const client = await openWs(app.url('/push'), as('ann'));
    const token = (await client.next('hello')).client as string;
    await client.subscribe('rooms.1');
    client.send({ event: 'presence', data: { topic: 'rooms.1', data: 'busy' } });
    await eventually(() => changes.length === 2);
    client.socket.terminate();
    await client.untilClosed();
    const again = await openWs(app.url(`/push?client=${token}`), as('ann'));
    await again.subscribe('rooms.1');
    const other = await openWs(app.url('/push'), as('bob'));
    await other.subscribe('rooms.1');
    await eventually(() => changes.length === 3);
    expect(changes).toEqual(['join ann', 'update ann', 'join bob']);
    expect(presence.members()).toHaveLength(2);
    expect(presence.users()[0]).toMatchObject({ user: 'ann', data: 'busy' });
  });

  it('a client that comes back on another node has never left', async () => {
    const log = new MemoryLog();
    const brief = { topics: [{ pattern: 'rooms.*', access: 'public' as const, presence: { grace: 2_500 } }] };
    const [one, two] = [
      await startNamed(platform, { ...brief, backplane: log.node() }),
      await startNamed(platform, { ...brief, backplane: log.node() }),
    ];
    const changes = [one, two].map((app) => changesOf(app.bus.presence('rooms.1')));
    const client = await openWs(one.url('/push'), as('ann'));
    const token = (await client.next('hello')).client as string;
    await client.subscribe('rooms.1');
    client.send({ event: 'presence', data: { topic: 'rooms.1', data: 'busy' } });
    await eventually(() => changes.every(({ length }) => length === 2));
    client.socket.terminate();
    const again = await openWs(two.url(`/push?client=${token}`), as('ann'));
    await again.subscribe('rooms.1');
    // The first node would remove it by now.
    const passing = await openWs(one.url('/push'), as('bob'));
    await passing.subscribe('rooms.1');
    passing.socket.terminate();
    await eventually(() => changes.every((each) => each.includes('leave bob')));
    for (const each of changes) expect(each).toEqual(['join ann', 'update ann', 'join bob', 'leave bob']);
    expect(one.bus.presence('rooms.1').members()).toMatchObject([{ user: 'ann', data: 'busy' }]);
    again.socket.terminate();
    await eventually(() => changes.every((each) => each.includes('leave ann')));
  });

  it('a client that comes back from another node has what it has set there', async () => {
    const log = new MemoryLog();
    const [one, two] = [
      await startNamed(platform, { backplane: log.node() }),
      await startNamed(platform, { backplane: log.node() }),
    ];
    const data = (app: RunningApp) => app.bus.presence('rooms.1').users()[0]?.data;
    const first = await openWs(one.url('/push'), as('ann'));
    const token = (await first.next('hello')).client as string;
    await first.subscribe('rooms.1');
    first.send({ event: 'presence', data: { topic: 'rooms.1', data: 'first' } });
    await eventually(() => data(two) === 'first');
    // The first node does not know yet that its connection is dead.
    const second = await openWs(two.url(`/push?client=${token}`), as('ann'));
    await second.subscribe('rooms.1');
    second.send({ event: 'presence', data: { topic: 'rooms.1', data: 'second' } });
    await eventually(() => data(one) === 'second');
    const third = await openWs(one.url(`/push?client=${token}`), as('ann'));
    await third.subscribe('rooms.1');
    third.send({ event: 'presence', data: { topic: 'rooms.2', data: 'nothing' } });
    await third.next('error');
    const other = await openWs(one.url('/push'), as('bob'));
    await other.subscribe('rooms.1');
    await eventually(() => two.bus.presence('rooms.1').count === 2);
    expect([data(one), data(two)]).toEqual(['second', 'second']);
  });

  it('leaves nothing of a node that shuts down: it removes what no other node would', async () => {
    const log = new MemoryLog();
    const [one, two] = [
      await startNode(platform, { backplane: log.node() }),
      await startNode(platform, { backplane: log.node() }),
    ];
    await eventually(() => log.states.size === 2);
    let completed = false;
    one.bus.presence('rooms.1').changes.subscribe({ complete: () => (completed = true) });
    const client = await openWs(one.url('/push'));
    await client.subscribe(['rooms.1', 'counted.1']);
    await eventually(() => two.bus.presence('rooms.1').count + two.bus.presence('counted.1').count === 2);
    await two.close();
    await one.close();
    expect(completed).toBe(true);
    const page = await log.history.page({
      topics: ['$presence.>', '$lease.>'],
      after: 0,
      through: 1e6,
      limit: 100,
    });
    expect(page.events.filter(({ meta }) => meta?.removed !== true)).toEqual([]);
  });
});
