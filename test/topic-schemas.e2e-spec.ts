import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IsIn } from 'class-validator';
import { PushModule, PushTopic, type Principal, type PublishContext, type TopicPolicy } from 'nestjs-push';
import { asyncApiDocument } from 'nestjs-push/asyncapi';
import * as v from 'valibot';
import { z } from 'zod';
import { NameAuthenticator, Users } from './support/roles.js';
import { startApp } from './support/start-app.js';
import { openWs } from './support/ws-client.js';
import { postJson } from './support/post-json.js';

class Order {
  @IsIn(['paid', 'shipped'])
  status!: 'paid' | 'shipped';
}

const schemas = {
  'orders.:id': Order,
  'days.*': z.strictObject({ at: z.iso.date().transform((at) => new Date(at)) }),
  'rooms.*': {
    event: z.object({ text: z.string(), author: z.string() }),
    publish: v.strictObject({ text: v.pipe(v.string(), v.nonEmpty()) }),
    presence: z.strictObject({ typing: z.boolean() }),
    snapshot: z.object({ title: z.string() }),
  },
};

/** Whoever has a name may publish. */
@PushTopic('>')
class AnyPolicy implements TopicPolicy {
  canSubscribe = () => true;
  canPublish = () => true;
}

@PushTopic('rooms.:id')
class RoomsPolicy implements TopicPolicy<{ text: string }, { text: string; author: string }> {
  canPublish = () => true;

  transform({ id }: Principal, _: object, { data }: PublishContext<{ text: string }>) {
    return { ...data, author: id };
  }
}

@PushTopic('days.:id')
class DaysPolicy implements TopicPolicy {
  canPublish = () => true;

  transform(_: Principal, __: object, { data }: PublishContext<{ at: Date }>) {
    return { at: data.at.toISOString() };
  }
}

@PushTopic('orders.special', { payload: z.number() })
class SpecialPolicy implements TopicPolicy {
  canPublish = () => true;
}

function start() {
  return startApp('express', {
    imports: [
      PushModule.forRoot({
        schemas,
        topics: [{ pattern: 'rooms.*', presence: true }],
        authenticate: NameAuthenticator,
      }),
    ],
    providers: [SpecialPolicy, RoomsPolicy, DaysPolicy, AnyPolicy, Users],
    exports: [Users],
  });
}

const asAnn = { authorization: 'Bearer ann' };

describe('Schemas of topics', () => {
  it.each([
    ['orders.1', { status: 'paid' }, { status: 'lost' }, /status must be one of/],
    ['days.1', { at: '2030-01-02' }, { at: 'tomorrow' }, /at: /],
    ['rooms.1', { text: 'Hello' }, { text: '' }, /text: /],
    ['orders.special', 7, { status: 'paid' }, /number/],
  ])('validate what clients publish to %s, on both doors', async (topic, valid, invalid, message) => {
    const app = await start();
    const client = await openWs(app.webSocketUrl(), { headers: asAnn });
    expect(await client.ask('publish', { topic, data: valid })).toHaveProperty('id');
    const refused = await client.ask('publish', { topic, data: invalid });
    expect(refused).toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringMatching(message) as string,
    });
    const answer = await postJson(app.url('/push/publish'), { topic, data: invalid }, asAnn);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(message);
    const { events } = await app.bus.history(topic);
    expect(events).toHaveLength(1);
  });

  it('leave topics alone that have none, and what the server publishes', async () => {
    const app = await start();
    const client = await openWs(app.webSocketUrl(), { headers: asAnn });
    expect(await client.ask('publish', { topic: 'others.1', data: { any: 1 } })).toHaveProperty('id');
    expect(await app.bus.publish('orders.1' as string, { status: 'lost' })).toEqual(expect.any(String));
  });

  it('change nothing: events carry what was sent, unless the policy changes it', async () => {
    const app = await start();
    const client = await openWs(app.webSocketUrl(), { headers: asAnn });
    await client.ask('publish', { topic: 'orders.1', data: { status: 'paid' } });
    await client.ask('publish', { topic: 'rooms.1', data: { text: 'Hello' } });
    await client.ask('publish', { topic: 'days.1', data: { at: '2030-01-02' } });
    const stored = await Promise.all(
      ['orders.1', 'rooms.1', 'days.1'].map(async (topic) => (await app.bus.history(topic)).events[0]?.data),
    );
    expect(stored).toEqual([
      { status: 'paid' },
      { text: 'Hello', author: 'ann' },
      { at: '2030-01-02T00:00:00.000Z' },
    ]);
  });

  it('validate what clients say of themselves', async () => {
    const app = await start();
    const client = await openWs(app.webSocketUrl(), { headers: asAnn });
    await client.subscribe('rooms.1');
    const refused = await client.ask('presence', { topic: 'rooms.1', data: { typing: 'yes' } });
    expect(refused).toMatchObject({ code: 'INVALID_MESSAGE' });
    client.send({ event: 'presence', data: { topic: 'rooms.1', data: { typing: true } } });
    await client.ask('publish', { topic: 'rooms.1', data: { text: 'I type' } });
    expect(app.bus.presence('rooms.1').users()).toEqual([
      { user: 'ann', data: { typing: true }, clients: 1 },
    ]);
  });

  it('are in the AsyncAPI document', async () => {
    const app = await start();
    const document = asyncApiDocument(app.nest, { title: 'Schemas', version: '1.0.0' });
    const { schemas: components } = document.components as { schemas: Record<string, object> };
    expect(components).toMatchObject({
      'rooms.id.event': { required: ['text', 'author'] },
      'rooms.id.presence': { required: ['typing'] },
      Order: { required: ['status'] },
    });
  });

  it('are refused at the start where a class would let nothing through', async () => {
    class Bare {
      status?: string;
    }
    @Module({ imports: [PushModule.forRoot({ schemas: { 'orders.*': Bare } })] })
    class AppModule {}
    const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
    await expect(testing.createNestApplication().init()).rejects.toThrow(
      'The class Bare of schemas["orders.*"] has no class-validator decorators',
    );
  });
});
