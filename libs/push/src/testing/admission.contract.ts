import assert from 'node:assert/strict';
import type { PushOptions } from '../push.options.js';
import type { TransportRequest } from './transport-client.js';
import type { OpenScene } from './transport-scene.js';
import { LateLog } from './transport-scene.js';

/** The tests of how clients are admitted, and of each reason to refuse them. */
export function describeAdmission(open: OpenScene): void {
  it('lets a client in, lists it with what it reads, and tells the hooks before it reads', async () => {
    const scene = await open();
    const client = await scene.enter(['news.1', 'private.1']);
    const { connected, subscribed } = scene.application;
    const [{ connection, transport, principal, topics }] = scene.connected.list() as [ListedClient];
    assert.deepEqual([principal, topics], [{ id: 'alice' }, ['news.1', 'private.1']]);
    assert.deepEqual(connected, [{ connection, transport, principal }]);
    assert.deepEqual(subscribed, [{ connection, transport, principal, topics }]);
    await scene.bus.publish('private.1', 'here');
    await client.until(({ data }) => data.length === 1);
    assert.deepEqual(client.data, ['here']);
  });

  it('waits until the node has reached its log', async () => {
    const backplane = new LateLog();
    const scene = await open({ backplane });
    const client = scene.connect('news.1');
    await scene.untilSockets(1);
    backplane.reach();
    await client.until(({ hasBegun }) => hasBegun);
    await scene.publish('news.1', 1);
    await client.until(({ data }) => data.length === 1);
  });

  for (const { client: refused, code, topics = 'news.1', request } of refusals) {
    it(`refuses ${refused} with ${code}, and keeps no place for it`, async () => {
      const scene = await open({ limits: { connections: 1 } });
      for (let time = 0; time < 3; time++) {
        const client = scene.connect(topics, request);
        await client.until(({ failure, hasBegun }) => failure !== undefined || hasBegun);
        assert.deepEqual([client.failure, client.hasBegun, client.data], [code, false, []]);
        client.leave();
        await scene.hasPlace();
      }
      // Unexpected errors are reported, by push or by Nest; refusals are not.
      if (code === 'INTERNAL') scene.application.errors.length = 0;
    });
  }

  it('refuses a client with LIMIT_EXCEEDED where its user has too many connections, until one of them ends', async () => {
    const scene = await open({ limits: { connectionsPerPrincipal: 1 } });
    const first = await scene.enter('news.1');
    assert.equal(await scene.refusal('news.1'), 'LIMIT_EXCEEDED');
    await scene.enter('news.1', { token: 'bob' });
    first.leave();
    await scene.hasPlace();
  });

  it('refuses a client with UNAVAILABLE if the log is not reached in time', async () => {
    const options: PushOptions = { backplane: new LateLog(), limits: { decisionTimeout: 50 } };
    const scene = await open(options);
    assert.equal(await scene.refusal('news.1'), 'UNAVAILABLE');
  });

  it('refuses a client with CLOSED once the node is draining', async () => {
    const scene = await open();
    await scene.lifecycle.drain();
    assert.equal(await scene.refusal('news.1'), 'CLOSED');
  });

  for (const place of ['authenticator', 'policy', 'connect hook', 'subscribe hook'] as const) {
    it(`refuses a client with CLOSED that waits for the ${place} while the node begins to shut down`, async () => {
      const scene = await open();
      const hold = scene.application.hold(place);
      const client = scene.connect('private.1');
      await hold.reached;
      const drained = scene.lifecycle.drain();
      hold.release();
      await client.until((it) => it.failure !== undefined || it.all('drain').length > 0);
      assert.deepEqual(client.data, []);
      await drained;
    });
  }
}

type ListedClient = ReturnType<Awaited<ReturnType<OpenScene>>['connected']['list']>[number];

interface Refusal {
  readonly client: string;
  readonly code: string;
  readonly topics?: string;
  readonly request: Partial<TransportRequest>;
}

const refusals: readonly Refusal[] = [
  { client: 'a client without a token', code: 'UNAUTHENTICATED', request: { token: undefined } },
  { client: 'a client whose token has expired', code: 'UNAUTHENTICATED', request: { token: 'alice@-1000' } },
  { client: 'a client without the right', code: 'FORBIDDEN', topics: 'private.1', request: { token: 'bob' } },
  {
    client: 'a client that asks for an invalid topic',
    code: 'INVALID_TOPIC',
    topics: 'news..1',
    request: {},
  },
  { client: 'a client that the connect hook refuses', code: 'FORBIDDEN', request: { token: 'unwelcome' } },
  {
    client: 'a client that the subscribe hook refuses',
    code: 'FORBIDDEN',
    topics: 'news.sold-out',
    request: {},
  },
  { client: 'a client whose connect hook fails', code: 'INTERNAL', request: { token: 'unlucky' } },
  {
    client: 'a page of another site that brings cookies',
    code: 'FORBIDDEN',
    request: { headers: { origin: 'https://elsewhere.example', cookie: 'session=1' } },
  },
];
