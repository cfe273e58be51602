import { PushAccess, PushTickets } from 'nestjs-push';
import type { ConnectOptions, TransportName } from 'nestjs-push-client';
import { ClientRecord, openClient, startBoard } from './support/client-app.js';
import { eventually } from './support/watched.js';

const transports: readonly TransportName[] = ['websocket', 'sse'];

describe.each(transports)('Who a client is, over %s', (name) => {
  const options: ConnectOptions = { transports: [name] };

  it('is said at connect, and again before it expires: the connection stays', async () => {
    const { app, users } = await startBoard();
    users.lifetime = 10_000;
    let asked = 0;
    const token = () => {
      asked++;
      return 'ann';
    };
    const push = openClient(app.url('/push'), { ...options, token });
    const record = new ClientRecord(push);
    await record.read('board.log');
    const firstExpiry = Date.now() + users.lifetime;
    await eventually(() => asked >= 2);
    await app.bus.publish('board.log', 'still there');
    await record.untilHandled(1);
    // It outlives the first token.
    await eventually(() => Date.now() > firstExpiry);
    await app.bus.publish('board.log', 'and still');
    await record.untilHandled(2);
    expect(record.statuses).toEqual([name]);
    expect(asked).toBeLessThan(12);
  });

  it('is asked for once more when it is refused, and then not again', async () => {
    const { app } = await startBoard({ limits: { firstMessageTimeout: 2_000 } });
    let asked = 0;
    let user: string | undefined;
    const token = () => {
      asked++;
      return user;
    };
    const push = openClient(app.url('/push'), { ...options, token, onError: () => undefined });
    const record = new ClientRecord(push);
    const live = record.read('board.log');
    await record.untilStatus('closed');
    expect(record.changes.at(-1)).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
    expect(asked).toBe(2);
    user = 'ann';
    push.reconnect();
    await live;
    expect(asked).toBe(3);
    await app.bus.publish('board.log', 1);
    await record.untilHandled(1);
  });

  it('is in a ticket, a new one for each connection', async () => {
    const { app } = await startBoard();
    const tickets = app.nest.get(PushTickets);
    const ticket = () => tickets.issue({ id: 'ann' });
    const record = new ClientRecord(openClient(app.url('/push'), { ...options, ticket }));
    await record.read('board.log');
    app.cut();
    await app.bus.publish('board.log', 1);
    await record.untilHandled(1);
    await expect(record.push.publish('board.log', 2)).resolves.toMatch(/-2$/);
  });

  it('decides what it may read: what is refused, or revoked, ends alone', async () => {
    const { app } = await startBoard();
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const push = openClient(app.url('/push'), { ...options, token: () => 'ann', onError });
    const record = new ClientRecord(push);
    const refused = push.on('secret.>', () => undefined);
    const [, outcome] = await Promise.allSettled([record.read('board.log'), refused.live]);
    expect(outcome).toMatchObject({ reason: { code: 'FORBIDDEN', topics: ['secret.>'] } });
    expect(errors).toMatchObject([{ code: 'FORBIDDEN' }]);

    await push.on('board.plans', () => undefined).live;
    const loop = (async () => {
      for await (const { data } of push.events('board.plans', { from: 'earliest' }))
        record.handled.push(data);
    })();
    await app.bus.publish('board.plans', 'secret');
    await eventually(() => record.handled.length === 1);
    await app.nest.get(PushAccess).revoke('ann', 'board.plans');
    await expect(loop).rejects.toMatchObject({ code: 'FORBIDDEN', topics: ['board.plans'] });
    await app.bus.publish('board.plans', 'more secret');
    await app.bus.publish('board.log', 1);
    await record.untilHandled(2);
    expect(record.handled).toEqual(['secret', 1]);
    expect(record.statuses).toEqual([name]);
  });
});
