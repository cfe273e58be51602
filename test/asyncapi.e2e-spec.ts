import { Injectable, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { IsString, Length } from 'class-validator';
import {
  PushModule,
  PushSnapshot,
  PushTopic,
  type PushModuleExtras,
  type TopicOptions,
  type TopicPolicy,
} from 'nestjs-push';
import {
  asyncApiDocument,
  PushAsyncApiModule,
  type AsyncApiDocument,
  type PushAsyncApiModuleOptions,
} from 'nestjs-push/asyncapi';
import { spawn } from 'node:child_process';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DeskProcess } from './support/desk-process.js';
import { afterTest } from './support/cleanup.js';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { createApp, platforms, startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

class StatusDto {
  @IsString()
  @Length(1, 20)
  status!: string;
}

/** A policy whose payload is a class, and what clients say of themselves a Standard Schema. */
@PushTopic('orders.:id', { payload: StatusDto, presence: z.strictObject({ name: z.string().max(20) }) })
class OrdersPolicy implements TopicPolicy<StatusDto> {
  canSubscribe = () => true;
  canPublish = () => true;
}

@Injectable()
class Orders {
  @PushSnapshot('orders.:id')
  load() {
    return { status: 'new' };
  }
}

@Module({ providers: [Users], exports: [Users] })
class UsersModule {}

const topics: TopicOptions[] = [
  { pattern: 'orders.*', presence: true },
  {
    pattern: 'prices.*',
    access: 'public',
    state: true,
    documentation: { payload: z.object({ cents: z.int() }) },
  },
  { pattern: 'exports.*', access: 'authenticated', finite: true },
  { pattern: 'internal.>' },
];

const titled: PushAsyncApiModuleOptions = { title: 'Orders', version: '1.0.0', guard: 'public' };

function shop(options: PushAsyncApiModuleOptions = titled, extras: PushModuleExtras = {}) {
  const push = PushModule.forRoot({ topics, authenticate: NameAuthenticator, ...extras });
  return {
    imports: [UsersModule, push, PushAsyncApiModule.forRoot(options)],
    providers: [OrdersPolicy, Orders],
  };
}

const addresses = [
  'orders.{id}',
  '$presence.orders.{id}.{member}',
  '$presence.orders.{id}.$count.{counter}',
  'prices.{token}',
  'exports.{token}',
  '$run.exports.{token}',
  '/api/push',
  '/api/push/events',
  '/api/push/publish',
  '/api/push/presence',
];

/** What the official parser reads in a document. */
interface Read {
  /** What it finds wrong. */
  readonly problems: readonly string[];
  readonly channels: readonly string[];
  readonly servers: readonly string[];
  readonly receives: readonly string[];
  readonly sends: readonly string[];
}

const parser = fileURLToPath(new URL('support/parse-asyncapi.mjs', import.meta.url));

/** Has the official parser read documents, in a process of its own. */
async function read(...documents: readonly (AsyncApiDocument | string)[]): Promise<readonly Read[]> {
  const child = spawn(process.execPath, [parser], { stdio: ['pipe', 'pipe', 'inherit'] });
  const texts = documents.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  child.stdin.end(JSON.stringify(texts));
  return JSON.parse(await textOf(child.stdout)) as Read[];
}

async function fetched(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

describe.each(platforms)('on %s', (platform) => {
  it('the document is served below the base path, whatever the prefix and the version', async () => {
    const app = await startApp(platform, shop(), (nest) => nest.setGlobalPrefix('api').enableVersioning());
    const { status, headers, text } = await fetched(app.url('/api/push/asyncapi.json'));
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'private, no-cache',
    ]);
    const { channels } = JSON.parse(text) as AsyncApiDocument;
    expect(Object.values(channels).map(({ address }) => address)).toEqual(addresses);
    expect(text).not.toContain('internal');
  });

  it('its path is that of push, wherever the application puts it', async () => {
    const moved = await startApp(platform, shop(titled, { path: 'live/now' }));
    expect((await fetched(moved.url('/live/now/asyncapi.json'))).status).toBe(200);
    const excluded = await startApp(platform, shop(), (nest) =>
      nest.setGlobalPrefix('api', { exclude: ['push/events'] }),
    );
    const { status, text } = await fetched(excluded.url('/push/asyncapi.json'));
    expect(status).toBe(200);
    expect(text).toContain('"address":"/push/events"');
    expect((await fetched(excluded.url('/api/push/asyncapi.json'))).status).toBe(404);
  });

  it('a guard decides who may read it', async () => {
    @Injectable()
    class OnlyAnn implements CanActivate {
      constructor(readonly users: Users) {}

      canActivate(context: ExecutionContext): boolean {
        const { authorization } = context
          .switchToHttp()
          .getRequest<{ headers: Record<string, string> }>().headers;
        return this.users.orders !== undefined && authorization === 'Bearer ann';
      }
    }
    const app = await startApp(platform, shop({ ...titled, guard: OnlyAnn, imports: [UsersModule] }));
    const url = app.url('/push/asyncapi.json');
    expect((await fetched(url)).status).toBe(403);
    expect((await fetched(url, as('bob').headers)).status).toBe(403);
    expect((await fetched(url, as('ann').headers)).status).toBe(200);
  });
});

it('without the module there is no document', async () => {
  const app = await startApp('express', {
    imports: [PushModule.forRoot({ topics: [{ pattern: 'a', access: 'public' }] })],
  });
  expect((await fetched(app.url('/push/asyncapi.json'))).status).toBe(404);
});

it('in production the module is refused without a guard', () => {
  const { NODE_ENV: before } = process.env;
  afterTest(() => {
    process.env.NODE_ENV = before;
  });
  process.env.NODE_ENV = 'production';
  const withoutGuard = { title: 'Orders', version: '1.0.0' };
  expect(() => PushAsyncApiModule.forRoot(withoutGuard)).toThrow(/guard: "public"/);
  expect(PushAsyncApiModule.forRoot(titled)).toMatchObject({ module: PushAsyncApiModule });
});

it('options that make no sense end the start, with their name', () => {
  const start = (options: object) => () => PushAsyncApiModule.forRoot({ ...titled, ...options });
  expect(start({ title: '' })).toThrow(/title is ""/);
  expect(start({ version: undefined })).toThrow(/version is undefined/);
  expect(start({ url: 'shop.example' })).toThrow(/url is "shop.example"/);
  expect(start({ titel: 'x' })).toThrow(/Did you mean "title"/);
  expect(start({ security: { 'a b': {} } })).toThrow(/security is an object/);
});

describe('at build time', () => {
  const options = { title: 'Orders', version: '1.0.0', url: 'https://api.example.com' };

  it('an application that does not listen is described, as it is served later', async () => {
    const nest = await createApp('express', shop(), (app) => app.setGlobalPrefix('api'));
    const described = asyncApiDocument(nest, { title: 'Orders', version: '1.0.0' });
    await nest.listen(0, '127.0.0.1');
    afterTest(() => nest.close());
    const { text } = await fetched(`${await nest.getUrl()}/api/push/asyncapi.json`);
    expect(text).toBe(JSON.stringify(described));
  });

  it('the official parser finds nothing wrong, with and without a server, and reads what there is', async () => {
    const nest = await createApp('express', shop(), (app) => app.setGlobalPrefix('api'));
    afterTest(() => nest.close());
    const open = asyncApiDocument(nest, { title: 'Orders', version: '1.0.0' });
    @Module({
      imports: [UsersModule, PushModule.forRoot({ topics, authenticate: NameAuthenticator })],
      providers: [OrdersPolicy],
    })
    class Root {}
    const context = await NestFactory.createApplicationContext(Root, { logger: false });
    afterTest(() => context.close());
    const wrong = JSON.stringify(open).replace('"orders.{id}"', '"orders.{other}"');
    const [first, second, third] = await read(open, asyncApiDocument(context, options), wrong);
    expect(first).toMatchObject({ problems: [], channels: addresses });
    expect(first!.receives.slice(0, 2)).toEqual(['orders.id.publish', 'orders.id.presence']);
    expect(first!.sends).toEqual(expect.arrayContaining(['orders.id.events', 'prices.token.events']));
    expect(second).toMatchObject({
      problems: [],
      servers: ['wss://api.example.com/', 'https://api.example.com/'],
    });
    // It does look.
    expect(third!.problems).not.toEqual([]);
  });

  it('one without push is refused', async () => {
    @Module({})
    class Root {}
    const context = await NestFactory.createApplicationContext(Root, { logger: false });
    afterTest(() => context.close());
    expect(() => asyncApiDocument(context, options)).toThrow(/Import PushModule.forRoot/);
  });

  it('the application may add to it', async () => {
    const nest = await createApp('express', shop());
    const contact = { name: 'Ann', email: 'ann@example.com' };
    const customize = (document: AsyncApiDocument) => ({ ...document, info: { ...document.info, contact } });
    afterTest(() => nest.close());
    expect(asyncApiDocument(nest, { ...options, customize }).info).toMatchObject({
      title: 'Orders',
      contact,
    });
  });
});

/** Judges what really goes over the wire by the document. */
function judgeOf(document: AsyncApiDocument) {
  const ajv = new Ajv({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addSchema({ $id: 'doc', ...document } as object);
  const { components } = document as unknown as {
    components: { messages: Record<string, { headers?: object }> };
  };
  const check = (pointer: string, value: unknown) => {
    const valid = ajv.compile({ $ref: `doc${pointer}` });
    valid(value);
    return valid.errors?.map(({ instancePath, message }) => `${pointer}${instancePath} ${message}`) ?? [];
  };
  return {
    frame: (message: { event: string }) =>
      Object.hasOwn(components.messages, `websocket.${message.event}`)
        ? check(`#/components/messages/websocket.${message.event}/payload`, message)
        : [`no message ${message.event}`],
    block: ({ type, id, data }: { type: string; id: string; data: string }) => {
      const name = `#/components/messages/sse.${type.startsWith('push.') ? type : 'event'}`;
      const headers = { ...(type !== 'message' && { event: type }), ...(id !== '' && { id }) };
      return [...check(`${name}/headers`, headers), ...check(`${name}/payload`, JSON.parse(data))];
    },
    payload: (schema: string, value: unknown) => check(`#/components/schemas/${schema}`, value),
    message: (channel: string, message: string, value: unknown) =>
      check(`#/channels/${channel}/messages/${message}/payload`, value),
  };
}

it.each<Platform>(['express'])(
  'every message that goes over the sockets of %s is as the document says',
  async (platform) => {
    const app = await startApp(platform, shop());
    const document = JSON.parse((await fetched(app.url('/push/asyncapi.json'))).text) as AsyncApiDocument;
    const judge = judgeOf(document);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(['orders.1'], 'snapshot');
    await client.subscribe(['prices.*', 'exports.*', '$presence.orders.1.>', '$run.exports.*'], 'last');
    const stream = await openStream(
      app.url('/push/events?topic=prices.*&topic=exports.1&from=x-1'),
      as('ann'),
    );
    client.send({ event: 'presence', data: { topic: 'orders.1', data: { name: 'Ann' } } });
    expect(
      await client.ask('publish', { topic: 'orders.1', data: { status: 'paid' }, type: 'note' }),
    ).toMatchObject({
      event: 'published',
    });
    expect(await client.ask('publish', { topic: 'orders.1', data: { status: '' } })).toMatchObject({
      event: 'error',
    });
    expect(await client.ask('subscribe', { topics: ['internal.x'] })).toMatchObject({ event: 'error' });
    await app.bus.publish('prices.1', { cents: 5 });
    await app.bus.remove('prices.1');
    await app.bus.publish('exports.1', 'chunk');
    await app.bus.end('exports.1', { reason: 'done' });
    await client.ask('subscribe', { topics: ['prices.1'], from: 'x-1' });
    await client.ask('unsubscribe', { topics: ['prices.*'] });
    await client.until(() => client.all('ended').length > 0 && client.all('gap').length > 0);
    await client.until(() => client.data.length >= 3 && client.all('removed').length > 0);
    await stream.until(() => stream.events.some(({ type }) => type === 'push.ended'));
    await client.until(() =>
      client.all('message').some(({ data }) => (data as { user?: string }).user === 'ann'),
    );

    const seen = new Set(client.messages.map(({ event }) => event));
    for (const name of [
      'hello',
      'subscribed',
      'live',
      'unsubscribed',
      'message',
      'removed',
      'ended',
      'snapshot',
      'published',
      'gap',
      'error',
    ])
      expect(seen).toContain(name);
    expect(client.messages.flatMap(judge.frame)).toEqual([]);
    expect(new Set(stream.events.map(({ type }) => type))).toEqual(
      new Set(['push.gap', 'message', 'push.removed', 'push.ended']),
    );
    expect(stream.events.flatMap(judge.block)).toEqual([]);

    const member = client.all('message').find(({ topic }) => String(topic).startsWith('$presence.'))!;
    expect(judge.message('_presence.orders.id.member', 'state', member.data)).toEqual([]);
    expect(judge.message('orders.id', 'publish', { status: 'paid' })).toEqual([]);
    expect(judge.message('orders.id', 'publish', { status: '' })).not.toEqual([]);
    expect(judge.message('orders.id', 'presence', { name: 'Ann' })).toEqual([]);
    expect(judge.message('prices.token', 'event', { cents: 5 })).toEqual([]);
  },
);

it('a Standard Schema validates what clients publish and say of themselves, and refuses with its words', async () => {
  const app = await startApp('express', shop());
  const client = await openWs(app.webSocketUrl(), as('ann'));
  await client.subscribe('orders.1');
  const wrong = await client.ask('presence', { topic: 'orders.1', data: { name: 'x'.repeat(21) } });
  expect(wrong).toMatchObject({ event: 'error', code: 'INVALID_MESSAGE' });
  expect(JSON.stringify(wrong)).toContain('name: ');
  const over = await postJson(
    app.url('/push/presence'),
    { topic: 'orders.1', data: { name: 7 } },
    as('ann').headers,
  );
  expect(over.status).toBe(400);
});

it('the reference application serves its document, which the parser takes', async () => {
  const desk = await DeskProcess.start();
  afterTest(() => desk.end());
  const { status, text } = await fetched(`${desk.url}/push/asyncapi.json`);
  expect(status).toBe(200);
  const [{ problems, channels }] = (await read(text)) as [Read];
  expect(problems).toEqual([]);
  expect(channels).toEqual(
    expect.arrayContaining(['machine.figures', 'board.notes', 'pins.{token}', 'answers.{token}', 'desk']),
  );
  const { components } = JSON.parse(text) as { components: { schemas: Record<string, object> } };
  expect(components.schemas.NoteDto).toMatchObject({
    properties: { author: { type: 'string', minLength: 1, maxLength: 40 } },
    required: ['author', 'text'],
    additionalProperties: false,
  });
});
