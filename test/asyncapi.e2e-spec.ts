import { Injectable, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PushModule } from 'nestjs-push';
import { asyncApiDocument, PushAsyncApiModule, type AsyncApiDocument } from 'nestjs-push/asyncapi';
import { spawn } from 'node:child_process';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterTest } from './support/cleanup.js';
import { fetched, OrdersPolicy, shop, titled, topics, UsersModule } from './support/described-shop.js';
import { DeskProcess } from './support/desk-process.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { createApp, platforms, startApp } from './support/start-app.js';

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
