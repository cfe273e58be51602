import { Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { start } from './support/owned-orders.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { as } from './support/roles.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { SharedMemory } from './support/shared-memory.js';
import { openSse, openStream } from './support/sse-reader.js';
import type { RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

describe.each<[string, () => Promise<ServerProcess>, (port: number) => Backplane]>([
  ['Redis', () => startRedis(), (port) => redisBackplane({ url: `redis://127.0.0.1:${port}` })],
  ['NATS', () => startNats(), (port) => natsBackplane({ servers: `127.0.0.1:${port}` })],
  ['Postgres', () => startPostgres(), (port) => postgresBackplane({ url: urlOf(port) })],
])('several nodes on %s', (_, startServer, backplaneOn) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  it('disconnect, revoke and redeem as one', async () => {
    const node = () => start({ backplane: backplaneOn(server.port) });
    const [here, there] = [await node(), await node()];
    // A node hears of the others as soon as it is there.
    for (const { app } of [here, there])
      await eventually(async () => (await app.nest.get(Backplane).health()).ready);
    const ticket = await here.tickets.issue({ id: 'ann' });
    const doors = [there, here, there].map(({ app }) =>
      openSse(app.url(`/push/events?topic=public.x&ticket=${ticket}`)),
    );
    expect((await Promise.all(doors)).map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    const client = await openWs(there.app.webSocketUrl(), as('ann'));
    const reader = await openStream(there.app.url('/push/events?topic=orders.43'), as('ann'));
    const bob = await openWs(there.app.webSocketUrl(), as('bob'));
    await client.subscribe(['orders.42', 'orders.43']);
    await here.access.revoke('ann', 'orders.42');
    expect(await client.next('revoked')).toEqual({ topics: ['orders.42'] });
    const unused = await there.tickets.issue({ id: 'ann' });
    await here.access.disconnectUser('ann');
    expect((await client.untilClosed()).code).toBe(4401);
    await reader.untilEnd();
    expect(reader.events.at(-1)!.type).toBe('push.expired');
    expect((await openSse(there.app.url(`/push/events?topic=public.x&ticket=${unused}`))).status).toBe(401);
    expect(bob.closed).toBeUndefined();
  });
});

describe('several nodes', () => {
  async function nodes() {
    const memory = new SharedMemory();
    const [here, there] = [
      await start({ backplane: memory.node() }),
      await start({ backplane: memory.node() }),
    ];
    return { memory, here, there };
  }

  it('disconnect and revoke on all of them', async () => {
    const { here, there } = await nodes();
    const client = await openWs(there.app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.42', 'orders.43']);
    await here.access.revoke('ann', 'orders.42');
    expect(await client.next('revoked')).toEqual({ topics: ['orders.42'] });
    await here.access.disconnectUser('ann');
    expect((await client.untilClosed()).code).toBe(4401);
  });

  it('redeem a ticket once between them', async () => {
    const { here, there } = await nodes();
    const ticket = await here.tickets.issue({ id: 'ann' });
    const ask = ({ app }: { app: RunningApp }) =>
      openSse(app.url(`/push/events?topic=orders.42&ticket=${ticket}`));
    const statuses = (await Promise.all([here, there, here, there].map(ask))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 401, 401, 401]);
  });

  it('tell when the others could not be told; this node is', async () => {
    const { memory, here, there } = await nodes();
    const [mine, theirs] = [
      await openWs(here.app.webSocketUrl(), as('ann')),
      await openWs(there.app.webSocketUrl(), as('ann')),
    ];
    memory.control = 'fails';
    await expect(here.access.disconnectUser('ann')).rejects.toThrow('cut off');
    expect((await mine.untilClosed()).code).toBe(4401);
    expect(theirs.closed).toBeUndefined();
  });

  it('ignore control messages that they do not understand', async () => {
    const { here, there, memory } = await nodes();
    const client = await openWs(there.app.webSocketUrl(), as('ann'));
    await client.subscribe('public.x');
    const node = memory.node();
    for (const message of [
      ...['', 'null', '7', '{}', '{"push":"later"}', '{"push":"disconnect"}', 'not json'],
      '{"push":"revoke","user":"ann"}',
      '{"push":"revoke","user":"ann","pattern":"a..b"}',
      '{"push":"revoke","user":7,"pattern":">"}',
    ])
      await node.control(message);
    expect(client.all('revoked')).toEqual([]);
    await here.access.revoke('ann', 'other.>');
    expect(await client.ask('refresh', { token: 'ann' })).toMatchObject({ event: 'refreshed' });
  });
});
