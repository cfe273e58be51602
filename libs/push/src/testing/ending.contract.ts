import assert from 'node:assert/strict';
import type { OpenScene } from './transport-scene.js';
import { withSlowReader } from './slow-reader.js';
import { LateLog, type Scene } from './transport-scene.js';
import type { TransportClient } from './transport-client.js';

/** The tests of how connections end. Nothing is left over, no matter which side ends a connection, or when. */
export function describeEndings(open: OpenScene): void {
  it('brings nothing more of a topic whose right was revoked, and says so', async () => {
    const scene = await open();
    const client = await scene.enter(['private.1', 'news.1']);
    const bob = await scene.enter('news.1', { token: 'bob' });
    await scene.access.revoke('alice', 'private.*');
    await scene.publish('private.1', 1);
    await scene.publish('news.1', 2);
    await bob.until(({ data }) => data.length === 1);
    await client.until(({ hasEnded, data }) => hasEnded || data.length > 0);
    if (client.hasEnded) assert.deepEqual([client.failure, client.data], ['FORBIDDEN', []]);
    else assert.deepEqual([client.all('revoked'), client.data], [[{ topics: ['private.1'] }], [2]]);
  });

  it('ends the connections of a user that is disconnected, and says why', async () => {
    const scene = await open();
    const client = await scene.enter('news.1');
    await scene.access.disconnectUser('alice');
    await client.until(({ hasEnded }) => hasEnded);
    assert.equal(client.failure, 'UNAUTHENTICATED');
    await assertReason(scene, 'error');
  });

  it('ends the connection when its authentication expires, and says so', async () => {
    const scene = await open();
    const client = await scene.enter('news.1', { token: 'alice@2000' });
    await client.until(({ hasEnded }) => hasEnded);
    assert.equal(client.failure, 'UNAUTHENTICATED');
    await assertReason(scene, 'error');
  });

  it('tells clients to come back when the node shuts down, and ends their connections', async () => {
    const scene = await open();
    const clients = await Promise.all(['alice', 'bob'].map((token) => scene.enter('news.1', { token })));
    await scene.publish('news.1', 1);
    await Promise.all(clients.map((client) => client.until(({ data }) => data.length === 1)));
    await Promise.all([
      scene.lifecycle.drain(),
      ...clients.map((client) => client.until((it) => it.hasEnded)),
    ]);
    for (const client of clients) {
      assert.deepEqual(client.data, [1]);
      assert.equal(client.told.at(-1)?.event, 'drain');
      assert.ok(client.all('drain')[0]!.delay > 0);
    }
    await assertReason(scene, 'drain');
  });

  it('tells a client that has reached its age to come back, and brings it the rest then', async () => {
    const scene = await open({ heartbeat: 500, limits: { connectionAge: 1 } });
    const client = await scene.enter('news.1');
    await client.until(({ hasEnded }) => hasEnded);
    assert.equal(client.told.at(-1)?.event, 'drain');
    assert.ok(client.all('drain')[0]!.delay > 0);
    assert.equal(client.failure, undefined);
    await assertReason(scene, 'age');
    await scene.publish('news.1', 1, 2);
    const next = await scene.enter('news.1', { from: client.lastId });
    await next.until(({ data }) => data.length === 2);
    assert.deepEqual([next.data, next.all('gap')], [[1, 2], []]);
  });

  it('sends heartbeats, which carry the position', async () => {
    // A client has that long to answer, where a transport asks it whether it lives.
    const scene = await open({ heartbeat: 1_000 });
    const client = await scene.enter('news.1');
    const id = await scene.bus.publish('strict.1', 1);
    await client.until((it) => it.all('heartbeat').some((heartbeat) => heartbeat.id === id));
    client.vanish();
    const next = await scene.enter('news.1', { from: client.lastId });
    await scene.publish('news.1', 2);
    await next.until(({ data }) => data.length === 1);
    assert.deepEqual(next.all('gap'), []);
  });

  for (const way of ['leave', 'vanish'] as const) {
    it(`notices that a client is gone (${way})`, async () => {
      const scene = await open();
      const client = await scene.enter('news.1');
      client[way]();
      await assertReason(scene, 'client');
    });
  }

  describe('holds nothing for a client that vanishes', () => {
    for (const place of ['authenticator', 'policy', 'connect hook', 'subscribe hook'] as const) {
      it(`while it waits for the ${place}`, async () => {
        const scene = await open({ limits: brief });
        const hold = scene.application.hold(place);
        const client = scene.connect('private.1');
        await hold.reached;
        client.vanish();
        await scene.untilSockets(0);
        // Its place is free although no decision was made yet. A transport that still handles its messages may take a moment.
        scene.application.holdNoMore();
        await scene.hasPlace();
        // The policy did not decide in time, which is reported.
        scene.application.errors.length = 0;
        scene.application.releaseAll();
        await scene.leavesNothing();
        assert.equal(client.hasBegun, false);
      });

      it(`in the turn in which the ${place} has decided`, async () => {
        const scene = await open({ limits: { connections: 1 } });
        const hold = scene.application.hold(place);
        const client = scene.connect('private.1');
        await hold.reached;
        client.vanish();
        scene.application.releaseAll();
        await scene.hasPlace();
      });
    }

    it('while it waits for the log', async () => {
      const backplane = new LateLog();
      const scene = await open({ backplane, limits: brief });
      const client = scene.connect('news.1');
      await scene.untilSockets(1);
      client.vanish();
      await scene.untilSockets(0);
      backplane.reach();
      await scene.hasPlace();
    });

    it('while bytes wait for it', async () => {
      const scene = await open({ limits: { connections: 1 } });
      const { slow } = await withSlowReader(scene, 'news.1');
      slow.vanish();
      await scene.hasPlace();
    });

    it('while it is told to come back', async () => {
      const scene = await open();
      const client = await scene.enter('news.1');
      const drained = scene.lifecycle.drain();
      client.vanish();
      await drained;
    });

    it('at whatever moment', async () => {
      const scene = await open({ limits: { connections: 40 } });
      const leaving: TransportClient[] = [];
      for (let turns = 0; turns < 40; turns++) {
        const client = scene.connect(turns % 2 ? 'private.1' : 'news.1');
        leaving.push(client);
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        client.vanish();
        await scene.publish('news.1', turns);
      }
      await scene.leavesNothing();
      // Each of them has given its place back.
      await Promise.all(leaving.map(() => scene.enter('news.1')));
    });
  });
}

/** Some transports read nothing before a client is admitted, and notice only then that it is gone: after this time at the latest. */
const brief = { connections: 1, decisionTimeout: 500 };

/** Waits until all clients have left, and checks the reason. */
async function assertReason({ application }: Scene, expected: string): Promise<void> {
  const { connected } = application;
  await application.until(({ disconnected }) => disconnected.length === connected.length);
  assert.deepEqual(new Set(application.disconnected.map(({ reason }) => reason)), new Set([expected]));
}
