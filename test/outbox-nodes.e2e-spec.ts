import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import type { OutboxStep } from 'nestjs-push/outbox';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { database, outboxNode, settled, shareDatabase, transaction } from './support/outbox.js';
import { connected } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

shareDatabase();

/** A lease that lasts longer than any test: it has to be released. */
const longLease = 600_000;

let redis: ServerProcess;
let nats: ServerProcess;
beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis('none'), startNats()]);
});
afterAll(() => Promise.all([redis.dispose(), nats.dispose()]));

let logs = 0;

/** Makes the backplanes of an application of its own. */
function backplanesOf(kind: string, url: string): () => Backplane {
  const name = `outbox${++logs}`;
  if (kind === 'Redis')
    return () =>
      redisBackplane({ url: `redis://127.0.0.1:${redis.port}`, prefix: name, rememberMessageIds: 1 });
  if (kind === 'NATS')
    return () => natsBackplane({ servers: `127.0.0.1:${nats.port}`, stream: name, rememberMessageIds: 100 });
  return () => postgresBackplane({ url, rememberMessageIds: 1 });
}

/** Calls `then` at each of these steps, while the relay stands there. */
function onStep(wanted: OutboxStep, then: () => void): void {
  const hear = (message: unknown) => {
    if ((message as { step: OutboxStep }).step === wanted) then();
  };
  subscribe('nestjs-push.outbox', hear);
  afterTest(() => unsubscribe('nestjs-push.outbox', hear));
}

describe.each(['Redis', 'NATS', 'Postgres'])('Nodes with %s', (kind) => {
  it('have one relay, and another one at once when it is shut down', async () => {
    const { port, url } = database();
    const backplane = backplanesOf(kind, url);
    const first = await outboxNode(url, { lease: longLease }, { backplane: backplane() });
    await eventually(async () => (await first.outbox.stats()).isRelay);
    const second = await outboxNode(url, { lease: longLease }, { backplane: backplane() });
    const client = await connected(port);
    for (let n = 0; n < 20; n++)
      await transaction(client, () => (n % 2 ? first : second).outbox.publish(client, `orders.${n % 3}`, n));
    await second.heard.until(() => second.heard.events.length === 20);
    expect((await second.outbox.stats()).isRelay).toBe(false);
    await first.app.close();
    for (let n = 20; n < 40; n++)
      await transaction(client, () => second.outbox.publish(client, `orders.${n % 3}`, n));
    await second.heard.until(() => second.heard.events.length === 40);
    await settled(second.outbox);
    // On a busy machine its lease may have run out for a moment.
    await eventually(async () => (await second.outbox.stats()).isRelay);
    for (const rest of [0, 1, 2])
      expect(second.heard.of(`orders.${rest}`)).toEqual(
        Array.from({ length: 40 }, (_, n) => n).filter((n) => n % 3 === rest),
      );
  });

  it('publish once what a relay has appended that lost its database before it could delete it', async () => {
    const { port, url } = database();
    const proxy = await TcpProxy.start(port);
    afterTest(() => proxy.dispose());
    const backplane = backplanesOf(kind, url);
    const cutOff = url.replace(`${port}`, `${proxy.port}`);
    const first = await outboxNode(cutOff, { lease: 1_000 }, { backplane: backplane() });
    await eventually(async () => (await first.outbox.stats()).isRelay);
    const second = await outboxNode(url, { lease: 1_000 }, { backplane: backplane() });
    let cuts = 0;
    onStep('delete', () => {
      if (cuts++ === 0) proxy.refuse();
    });
    const client = await connected(port);
    const topics = ['orders.1', 'orders.2', 'prices.1', 'jobs.1', 'short.1'];
    await transaction(client, async () => {
      await client.query(`SELECT push_outbox.push_publish('short.1', '0', '{"type": "error"}')`);
      for (let n = 0; n < 25; n++) await first.outbox.publish(client, topics[n % 5]!, n);
    });
    await settled(second.outbox);
    await transaction(client, () => second.outbox.publish(client, 'orders.1', 'last'));
    await second.heard.until(() => second.heard.of('orders.1').includes('last'));
    // On a busy machine its lease may have run out for a moment.
    await eventually(async () => (await second.outbox.stats()).isRelay);
    for (const [index, topic] of topics.entries()) {
      const expected = Array.from({ length: 25 }, (_, n) => n).filter((n) => n % 5 === index);
      expect(second.heard.of(topic)).toEqual(index === 0 ? [...expected, 'last'] : expected);
    }
    expect((await second.outbox.failed()).map(({ code }) => code)).toEqual(['INVALID_TYPE']);
  });
});
