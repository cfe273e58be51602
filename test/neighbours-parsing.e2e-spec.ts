import { Injectable, ValidationPipe, type INestApplication, type PipeTransform } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PushModule, PushTickets, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterTest } from './support/cleanup.js';
import { connectRaw } from './support/raw-socket.js';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type Platform } from './support/start-app.js';
import { openWs } from './support/ws-client.js';

@Injectable()
@PushTopic('notes.>')
class NotesPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

type Configure = (app: INestApplication) => unknown;

function start(platform: Platform, configure?: Configure, options: PushOptions = {}) {
  const push = PushModule.forRoot({ authenticate: NameAuthenticator, ...options });
  const metadata = { imports: [push], providers: [Users, NotesPolicy], exports: [Users] };
  return startApp(platform, metadata, configure);
}

const strict = new ValidationPipe({
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  transform: true,
  transformOptions: { enableImplicitConversion: true },
});

/** Refuses all that it is asked to look at. */
const refusing: PipeTransform = {
  transform: (value: unknown, { type }) => {
    if (type !== 'custom') throw new Error('refused');
    return value;
  },
};

const onExpress =
  (configure: (app: NestExpressApplication) => unknown): Configure =>
  (app) =>
    configure(app as NestExpressApplication);

const onFastify =
  (configure: (app: NestFastifyApplication) => unknown): Configure =>
  (app) =>
    configure(app as NestFastifyApplication);

const settings: [string, Platform, Configure][] = [
  ['a strict ValidationPipe', 'express', (app) => app.useGlobalPipes(strict)],
  ['a strict ValidationPipe', 'fastify', (app) => app.useGlobalPipes(strict)],
  ['a pipe that refuses everything', 'express', (app) => app.useGlobalPipes(refusing)],
  ['a pipe that refuses everything', 'fastify', (app) => app.useGlobalPipes(refusing)],
  ['the extended query parser', 'express', onExpress((app) => app.set('query parser', 'extended'))],
  ['no query parser', 'express', onExpress((app) => app.set('query parser', false))],
  ['a small limit of bodies', 'express', onExpress((app) => app.useBodyParser('json', { limit: 10 }))],
  [
    'a parser that changes what it parses',
    'express',
    onExpress((app) => app.use(express.json({ reviver: () => 'revived' }))),
  ],
  ['bodies as text', 'express', onExpress((app) => app.use(express.text({ type: '*/*' })))],
  ['bodies as bytes', 'express', onExpress((app) => app.use(express.raw({ type: '*/*', limit: 10 })))],
  [
    'strict routing and JSON of its own form',
    'express',
    onExpress((app) => app.set('strict routing', true).set('json spaces', 2).set('json replacer', ['x'])),
  ],
  [
    'a JSON parser of its own',
    'fastify',
    onFastify((app) =>
      app.useBodyParser('application/json', { bodyLimit: 10 }, (_, __, done) => done(null, 7)),
    ),
  ],
  [
    'no parsers, and no schema for answers',
    'fastify',
    onFastify((app) => {
      const fastify = app.getHttpAdapter().getInstance();
      fastify.removeAllContentTypeParsers();
      fastify.setReplySerializer(() => '{"serialized":true}');
    }),
  ],
];

describe.each(settings)('with %s on %s', (_name, platform, configure) => {
  it('the protocol is the same', async () => {
    const app = await start(platform, configure);
    const tickets = app.nest.get(PushTickets);
    const ticket = () => tickets.issue({ id: 'ann' });
    const { headers } = as('ann');

    const topics = Array.from({ length: 256 }, (_, n) => `topic=notes.${n}`).join('&');
    const many = await openStream(app.url(`/push/events?${topics}&_=1&from=&x[y]=z`), as('ann'));
    const byTicket = await openStream(app.url(`/push/events?topic=notes.255&ticket=${await ticket()}`));
    const messages = await openStream(app.url(`/push/events?ticket=${await ticket()}&_=2`), {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify({ subscribe: [{ topics: ['notes.255'], ref: 'r', newer: {} }], newer: 1 }),
    });
    await messages.until(() => messages.body.includes('"live"'));
    const client = await openWs(`${app.webSocketUrl()}?ticket=${await ticket()}&_=3`);
    const subscription = { topics: ['notes.255'], newer: 1, constructor: 2 };
    expect(await client.ask('subscribe', subscription)).toMatchObject({ event: 'subscribed' });

    const publication = { topic: 'notes.255', data: { text: ' x ', n: '7' }, newer: true, from: 3 };
    expect(await client.ask('publish', publication)).toMatchObject({ event: 'published' });
    const posted = await postJson(app.url('/push/publish'), publication, headers);
    expect([posted.status, posted.text]).toEqual([200, expect.stringMatching(/^\{"id":"[\w-]+"\}$/)]);
    expect(posted.headers.get('content-type')).toBe('application/json; charset=utf-8');

    expect(await client.untilData(2)).toEqual([publication.data, publication.data]);
    for (const stream of [many, byTicket, messages]) {
      await stream.until(() => stream.body.split('{"text":" x ","n":"7"}').length === 3);
    }
  });

  it('what is wrong is named', async () => {
    const app = await start(platform, configure);
    const { headers } = as('ann');
    const bad = await openSse(app.url('/push/events?topic=a.b&from=1&from=2'), as('ann'));
    expect(bad.status).toBe(400);
    expect(JSON.parse(await bad.untilEnd())).toMatchObject({
      statusCode: 400,
      code: 'INVALID_MESSAGE',
      details: [expect.stringMatching(/^from /)],
    });
    const lists = { subscribe: [{ topics: ['a'] }, { topics: 'a', ref: 1 }, 7] };
    expect((await postJson(app.url('/push/events'), lists, headers)).body).toMatchObject({
      code: 'INVALID_MESSAGE',
      details: [
        expect.stringMatching(/^subscribe\[1\]\.topics /),
        expect.stringMatching(/^subscribe\[1\]\.ref /),
        expect.stringMatching(/^subscribe\[2\] /),
      ],
    });
    const wrong = { data: 1, ephemeral: 'yes', echo: 0, messageId: {}, type: [] };
    const named = ['topic', 'type', 'messageId', 'ephemeral', 'echo'].map(
      (name) => expect.stringMatching(`^${name} `) as string,
    );
    const answer = { code: 'INVALID_MESSAGE', details: named };
    expect((await postJson(app.url('/push/publish'), wrong, headers)).body).toMatchObject(answer);
    const client = await openWs(app.webSocketUrl(), as('ann'));
    expect(await client.ask('publish', wrong)).toMatchObject(answer);
  });
});

describe.each(platforms)('the body of a POST on %s', (platform) => {
  const publication = JSON.stringify({ topic: 'notes.a', data: 'x' });
  const tooMuch = JSON.stringify({ topic: 'notes.a', data: 'x'.repeat(70_000) });

  it.each<[string, string, Record<string, string>, number, string]>([
    [
      'of a type that any page may send',
      publication,
      { 'content-type': 'text/plain' },
      400,
      'INVALID_MESSAGE',
    ],
    [
      'of a form',
      'topic=notes.a',
      { 'content-type': 'application/x-www-form-urlencoded' },
      400,
      'INVALID_MESSAGE',
    ],
    ['that is packed', publication, { 'content-encoding': 'gzip' }, 400, 'INVALID_MESSAGE'],
    ['that is empty', '', {}, 400, 'INVALID_MESSAGE'],
    ['that is a list', '[]', {}, 400, 'INVALID_MESSAGE'],
    ['that is null', 'null', {}, 400, 'INVALID_MESSAGE'],
    ['that is cut', publication.slice(0, -1), {}, 400, 'INVALID_MESSAGE'],
    ['that is larger than a message may be', tooMuch, {}, 413, 'DATA_TOO_LARGE'],
  ])('%s is refused', async (_, body, headers, status, code) => {
    const app = await start(platform);
    const answer = await postJson(app.url('/push/publish'), body, { ...as('ann').headers, ...headers });
    expect(answer).toMatchObject({ status, body: { statusCode: status, code } });
  });

  it('may be larger than the application takes elsewhere', async () => {
    const app = await start(platform, undefined, {
      websocket: { maxMessageBytes: 2_000_000 },
      maxEventBytes: 2_000_000,
    });
    const answer = await postJson(
      app.url('/push/publish'),
      { topic: 'notes.a', data: 'x'.repeat(1_500_000) },
      as('ann').headers,
    );
    expect(answer.status).toBe(200);
  });

  it('is not read before the client is let in', async () => {
    const app = await start(platform);
    const socket = await connectRaw(app.port);
    socket.send(
      'POST /push/publish HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{',
    );
    expect(await socket.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('does not have to come at once, but in time', async () => {
    const app = await start(platform, undefined, { limits: { handshakeTimeout: 3_000 } });
    const head = `POST /push/publish HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const slow = await connectRaw(app.port);
    slow.send(head);
    for (const byte of publication) slow.send(`1\r\n${byte}\r\n`);
    slow.send('0\r\n\r\n');
    const late = await connectRaw(app.port);
    late.send(`${head}1\r\n{\r\n`);
    await slow.untilText('{"id":"');
    expect(await late.untilText('\r\n\r\n')).toMatch(/^HTTP\/1\.1 429 /);
    expect(app.bus.stats().window.events).toBe(1);
  });
});

it('a request that comes by way of another server, as in serverless functions, is read from what the framework has parsed', async () => {
  const app = await start('express');
  const other = createServer(app.nest.getHttpAdapter().getInstance() as RequestListener).listen(
    0,
    '127.0.0.1',
  );
  afterTest(() => other.close());
  await once(other, 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/push/publish`;
  const publication = { topic: 'notes.a', data: { constructor: 1 } };
  const answer = await postJson(url, publication, { ...as('ann').headers, connection: 'close' });
  expect(answer).toMatchObject({ status: 200, body: { id: expect.any(String) as string } });
});
