import { ForbiddenException } from '@nestjs/common';
import {
  EventBus,
  PushModule,
  PushTopic,
  type AcceptContext,
  type Principal,
  type PublishContext,
  type TopicPolicy,
} from 'nestjs-push';
import { as } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { AnythingPolicy, start, startImpatient } from './support/topic-policies.js';
import { openWs } from './support/ws-client.js';

describe('publishing by clients', () => {
  const line = { from: 'ann', text: 'hello' };

  it('stores the event and answers with its id', async () => {
    const { app } = await start();
    const [ann, bob] = [
      await openWs(app.webSocketUrl(), as('ann')),
      await openWs(app.webSocketUrl(), as('bob')),
    ];
    await bob.subscribe('chat.1');
    const answer = await ann.ask('publish', { topic: 'chat.1', data: line, type: 'said' });
    expect(answer).toMatchObject({ event: 'published', id: expect.stringMatching(/-1$/) as string });
    await bob.untilData(1);
    expect(bob.all('message')).toEqual([{ topic: 'chat.1', id: answer.id, type: 'said', data: line }]);
    // It resumes like any other.
    const late = await openWs(app.webSocketUrl(), as('bob'));
    await late.subscribe('chat.1', 'earliest');
    expect(await late.untilData(1)).toEqual([line]);
  });

  it('comes back to the sender, or not, as it asks', async () => {
    const { app } = await start();
    const [ann, bob] = [
      await openWs(app.webSocketUrl(), as('ann')),
      await openWs(app.webSocketUrl(), as('bob')),
    ];
    await Promise.all([ann.subscribe('anything.1'), bob.subscribe('anything.1')]);
    await ann.ask('publish', { topic: 'anything.1', data: 'quiet', echo: false });
    await ann.ask('publish', { topic: 'anything.1', data: 'loud' });
    expect(await bob.untilData(2)).toEqual(['quiet', 'loud']);
    expect(await ann.untilData(1)).toEqual(['loud']);
  });

  it('may be ephemeral, and null', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('anything.1');
    const answer = await client.ask('publish', { topic: 'anything.1', data: null, ephemeral: true });
    expect(answer).toEqual({ event: 'published', ref: answer.ref });
    await client.untilData(1);
    expect(client.all('message')).toEqual([{ topic: 'anything.1', data: null }]);
  });

  it("happens once for one messageId, which is the client's own", async () => {
    const { app } = await start();
    const [ann, bob] = [
      await openWs(app.webSocketUrl(), as('ann')),
      await openWs(app.webSocketUrl(), as('bob')),
    ];
    const publication = { topic: 'anything.1', data: 1, messageId: 'm1' };
    const first = await ann.ask('publish', publication);
    expect((await ann.ask('publish', publication)).id).toBe(first.id);
    // Neither other clients nor the application lose an event to it.
    expect((await bob.ask('publish', publication)).id).not.toBe(first.id);
    expect(await app.bus.publish('anything.1', 2, { messageId: 'm1' })).not.toBe(first.id);
    expect((await ann.ask('publish', { ...publication, topic: 'anything.2' })).id).not.toBe(first.id);
    expect(app.bus.stats().window.events).toBe(4);
  });

  it.each([
    ['a room that is closed', { topic: 'chat.readonly', data: line }, 'FORBIDDEN'],
    ["a name that is another's", { topic: 'chat.1', data: { ...line, from: 'bob' } }, 'FORBIDDEN'],
    ['data of the wrong shape where nobody may publish', { topic: 'chat.readonly', data: 7 }, 'FORBIDDEN'],
    ['a reserved topic, although a policy would grant it', { topic: '$own.1', data: 1 }, 'FORBIDDEN'],
    ['the type error', { topic: 'anything.1', data: 1, type: 'error' }, 'INVALID_TYPE'],
    ['a policy that only reads', { topic: 'orders.42', data: 1 }, 'FORBIDDEN'],
    ['a policy whose answer is no boolean', { topic: 'users.ann.mail', data: 1 }, 'FORBIDDEN'],
    ['a topic that a rule opens for reading', { topic: 'public.x', data: 1 }, 'FORBIDDEN'],
    ['a topic of nobody', { topic: 'nowhere', data: 1 }, 'FORBIDDEN'],
    ['a pattern', { topic: 'anything.*', data: 1 }, 'INVALID_TOPIC'],
    ['no topic', { data: 1 }, 'INVALID_MESSAGE'],
    ['no data', { topic: 'anything.1' }, 'DATA_NOT_SERIALIZABLE'],
    ['a reserved type', { topic: 'anything.1', data: 1, type: 'push.gap' }, 'INVALID_TYPE'],
    ['a type that breaks the line', { topic: 'anything.1', data: 1, type: 'a\nid: 7' }, 'INVALID_TYPE'],
    [
      'a messageId that is too long',
      { topic: 'anything.1', data: 1, messageId: 'x'.repeat(129) },
      'INVALID_MESSAGE',
    ],
    ['an option of the wrong type', { topic: 'anything.1', data: 1, echo: 'no' }, 'INVALID_MESSAGE'],
  ])('is refused: %s', async (_, publication, code) => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.ask('publish', publication)).toMatchObject({ event: 'error', code });
    expect(app.bus.stats().window.events).toBe(0);
  });

  it("checks the data against the topic's class, and refuses what it does not know", async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('chat.1');
    expect(
      await client.ask('publish', { topic: 'chat.1', data: { from: 'ann', text: 'x'.repeat(21) } }),
    ).toMatchObject({
      code: 'INVALID_MESSAGE',
      details: ['text must be shorter than or equal to 20 characters'],
    });
    for (const data of ['text', 7, null, [line], undefined]) {
      expect(await client.ask('publish', { topic: 'chat.1', data })).toMatchObject({
        event: 'error',
        code: 'INVALID_MESSAGE',
      });
    }
    for (const name of ['isAdmin', 'constructor', 'toString', 'valueOf']) {
      expect(await client.ask('publish', { topic: 'chat.1', data: { ...line, [name]: true } })).toMatchObject(
        { code: 'INVALID_MESSAGE', details: [`property ${name} should not exist`] },
      );
    }
    await client.ask('publish', { topic: 'chat.1', data: line });
    expect(await client.untilData(1)).toEqual([line]);
    expect(await client.ask('publish', { topic: 'sensors.1.readings', data: { value: -1 } })).toMatchObject({
      details: ['value must not be less than 0'],
    });
  });

  it('goes through the policy once more when the data is valid: it may change it, or refuse', async () => {
    const { app } = await start();
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe('chat.1');
    await client.ask('publish', { topic: 'chat.1', data: { ...line, text: 'shout' } });
    expect(await client.untilData(1)).toEqual([{ ...line, text: 'SHOUT' }]);
    expect(await client.ask('publish', { topic: 'chat.1', data: { ...line, from: 'bob' } })).toMatchObject({
      code: 'FORBIDDEN',
      message: 'Write in your own name.',
    });
    expect(app.bus.stats().window.events).toBe(1);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => Promise.reject(new TypeError('db-password=hunter2')), 'INTERNAL'],
    ['takes too long', () => new Promise(() => undefined), 'UNAVAILABLE'],
    ['returns nothing', () => undefined, 'DATA_NOT_SERIALIZABLE'],
  ])('publishes nothing if transform %s', async (_, transform, code) => {
    @PushTopic('odd.:id')
    class OddPolicy implements TopicPolicy {
      canPublish() {
        return true;
      }

      transform() {
        return transform();
      }
    }
    const app = await startImpatient(OddPolicy);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const answer = await client.ask('publish', { topic: 'odd.1', data: 1 });
    expect(answer).toMatchObject({ event: 'error', code });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(app.bus.stats().window.events).toBe(0);
  });

  it.each<[string, () => unknown, object]>([
    ['resolves', () => Promise.resolve(), { event: 'published' }],
    [
      'refuses',
      () => Promise.reject(new ForbiddenException('Nobody took it.')),
      { code: 'FORBIDDEN', message: 'Nobody took it.' },
    ],
    ['throws', () => Promise.reject(new TypeError('db-password=hunter2')), { code: 'INTERNAL' }],
    ['takes too long', () => new Promise(() => undefined), { code: 'UNAVAILABLE' }],
  ])('tells the client of a stored event when accept %s', async (_, accept, answer) => {
    const accepted: unknown[] = [];
    @PushTopic('taken.:id')
    class TakenPolicy implements TopicPolicy<number, { n: number; by: string }> {
      canPublish() {
        return true;
      }

      transform({ id }: Principal, _params: object, { data }: PublishContext<number>) {
        return { n: data, by: id };
      }

      accept({ id: user }: Principal, { id }: { id: string }, { data, id: event }: AcceptContext) {
        accepted.push([user, id, data, event, app.bus.stats().window.events]);
        return accept();
      }
    }
    const app = await startImpatient(TakenPolicy);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const told = await client.ask('publish', { topic: 'taken.1', data: 7 });
    expect(told).toMatchObject(answer);
    expect(JSON.stringify(told)).not.toContain('hunter2');
    const { events } = await app.bus.history('taken.1');
    expect(accepted).toEqual([['ann', '1', { n: 7, by: 'ann' }, events[0]!.id, 1]]);
  });

  it('is no way for an anonymous client, which is told why, whatever the topic', async () => {
    const app = await startApp('express', { imports: [PushModule.forRoot()], providers: [AnythingPolicy] });
    const client = await openWs(app.webSocketUrl());
    for (const topic of ['anything.1', 'nowhere']) {
      expect(await client.ask('publish', { topic, data: 1 })).toMatchObject({
        code: 'FORBIDDEN',
        message: `Not allowed to publish to ${topic}. Only users publish, and this client is anonymous: see \`authenticate\`.`,
      });
    }
  });
});

it('the server excepts a connection by its id', async () => {
  const { app } = await start();
  const [ann, bob] = [
    await openWs(app.webSocketUrl(), as('ann')),
    await openWs(app.webSocketUrl(), as('bob')),
  ];
  await Promise.all([ann.subscribe('public.x'), bob.subscribe('public.x')]);
  const [hello] = ann.all('hello');
  const bus = app.nest.get(EventBus);
  await bus.publish('public.x', 1, { except: String(hello!.connection) });
  await bus.publish('public.x', 2);
  expect(await bob.untilData(2)).toEqual([1, 2]);
  expect(await ann.untilData(1)).toEqual([2]);
  const reader = await openStream(app.url('/push/events?topic=public.x'), as('ann'));
  await bus.publish('public.x', 3, { except: String(hello!.connection) });
  await reader.untilEvents(1);
});
