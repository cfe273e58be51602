import {
  ClassSerializerInterceptor,
  Controller,
  Injectable,
  Sse,
  ValidationPipe,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Type } from 'class-transformer';
import { IsDate, IsObject, IsOptional } from 'class-validator';
import {
  EventBus,
  PushModule,
  PushTopic,
  type Principal,
  type PublishContext,
  type TopicParams,
  type TopicPolicy,
} from 'nestjs-push';
import { map } from 'rxjs';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { platforms, startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
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

/** Anything under a name of its own. */
class Box {
  @IsObject()
  content!: object;

  /** A text becomes a date in the instance. */
  @IsOptional()
  @IsDate()
  @Type(() => Date)
  at?: Date;
}

/** What the class lets through, as it is; under `stamped` with a stamp. */
@Injectable()
@PushTopic('boxes.:kind', { payload: Box })
class BoxesPolicy implements TopicPolicy<Box> {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }

  transform(_principal: Principal, { kind }: TopicParams, { data }: PublishContext<Box>) {
    return kind === 'stamped' ? { ...data, stamp: data.at instanceof Date } : data;
  }
}

@Injectable()
@PushTopic('plain.:kind', { payload: Box })
class PlainBoxesPolicy implements TopicPolicy<Box> {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

@Controller('notes')
class NotesController {
  constructor(private readonly bus: EventBus) {}

  @Sse()
  watch() {
    return this.bus.stream('notes.a');
  }
}

/** What objects have anyway, what transformers look for, and what JSON has besides. */
const names = [
  'constructor',
  'prototype',
  'toString',
  'toLocaleString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'toJSON',
  'then',
  'length',
  'ref',
  'connection',
  '',
  ' ',
  '0',
  '$where',
  'a.b',
  'ünïcode 🎈',
];

const nested = Object.fromEntries(names.map((name) => [name, { [name]: [{ [name]: ' x ' }, null, 1.5] }]));

const payloads: [string, unknown][] = [
  ['names that objects have anyway, at any depth', nested],
  ['an empty object', {}],
  ['a list of everything', [null, true, -0.25, 1e21, 'a\u2028\n\0"\\', [], [[]], {}]],
  ['texts that look like something else', ['2020-01-01T00:00:00.000Z', '1', 'true', ' padded ', '']],
  ['nothing', null],
];

/** Trims every text that it can reach, in place and in what it returns. */
class TrimPipe implements PipeTransform {
  transform(value: unknown): unknown {
    return trimmed(value);
  }
}

function trimmed(value: unknown): unknown {
  if (typeof value === 'string') return value.trim();
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  const target = value as Record<string, unknown>;
  for (const [key, inner] of Object.entries(target)) target[key] = trimmed(inner);
  return value;
}

function isPlain(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** Puts an envelope around every answer, as many applications do. */
const envelope: NestInterceptor = {
  intercept: (_, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
};

const strict = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true, transform: true };

const machinery: [string, (app: INestApplication) => unknown][] = [
  ['nothing of the application', () => undefined],
  [
    'pipes',
    (app) =>
      app.useGlobalPipes(
        new TrimPipe(),
        new ValidationPipe({ ...strict, transformOptions: { enableImplicitConversion: true } }),
      ),
  ],
  [
    'interceptors',
    (app) => app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector)), envelope),
  ],
];

describe.each(platforms)('data on %s', (platform) => {
  describe.each(machinery)('with %s', (_name, configure) => {
    it.each(payloads)('arrives as it was published: %s', async (_, data) => {
      const app = await startApp(
        platform,
        {
          imports: [PushModule.forRoot({ authenticate: NameAuthenticator })],
          controllers: [NotesController],
          providers: [Users, NotesPolicy],
          exports: [Users],
        },
        configure,
      );
      const client = await openWs(app.webSocketUrl(), as('ann'));
      await client.subscribe('notes.a');
      const stream = await openStream(app.url('/push/events?topic=notes.a'), as('ann'));
      const handled: unknown[] = [];
      app.bus.on('notes.a').subscribe((event) => handled.push(event.data));

      expect(await client.ask('publish', { topic: 'notes.a', data })).toMatchObject({ event: 'published' });
      const posted = await postJson(app.url('/push/publish'), { topic: 'notes.a', data }, as('ann').headers);
      expect(posted.status).toBe(200);
      await app.bus.publish('notes.a', data);

      const text = JSON.stringify(data);
      const texts = [text, text, text];
      expect((await client.untilData(3)).map((each) => JSON.stringify(each))).toEqual(texts);
      await stream.untilEvents(3);
      expect(stream.data).toEqual(texts.map((each) => `{"topic":"notes.a","data":${each}}`));
      await eventually(() => handled.length >= 3);
      expect(handled.map((each) => JSON.stringify(each))).toEqual(texts);
      const late = await openWs(app.webSocketUrl(), as('ann'));
      await late.subscribe('notes.a', 'earliest');
      expect((await late.untilData(3)).map((each) => JSON.stringify(each))).toEqual(texts);
    });
  });

  it.each([
    ['plain.x', (data: object) => data],
    ['boxes.stamped', (data: object) => ({ ...data, stamp: true })],
  ])('with a class for them are judged by it, and lose nothing: %s', async (topic, published) => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ authenticate: NameAuthenticator })],
      providers: [Users, BoxesPolicy, PlainBoxesPolicy],
      exports: [Users],
    });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    await client.subscribe(topic);
    const data = { content: nested, at: '2020-01-01T00:00:00.000Z' };
    expect(await client.ask('publish', { topic, data })).toMatchObject({ event: 'published' });
    expect((await postJson(app.url('/push/publish'), { topic, data }, as('ann').headers)).status).toBe(200);
    expect(await client.untilData(2)).toEqual([published(data), published(data)]);
    const bad = await client.ask('publish', { topic, data: { ...data, content: 'none', toString: 1 } });
    expect(bad).toMatchObject({ code: 'INVALID_MESSAGE' });
  });

  it('pollutes no prototype', async () => {
    const app = await startApp(platform, {
      imports: [PushModule.forRoot({ authenticate: NameAuthenticator })],
      providers: [Users, NotesPolicy],
      exports: [Users],
    });
    const client = await openWs(app.webSocketUrl(), as('ann'));
    const message = (data: string) => `{"topic":"notes.a","ref":"r","data":${data}}`;
    const bad = ['{"__proto__":{"evil":1}}', '[{"a":{"\\u005f_proto__":{"evil":1}}}]'];
    for (const data of bad) {
      client.send(`{"event":"publish","data":${message(data)}}`);
      const posted = await postJson(app.url('/push/publish'), message(data), as('ann').headers);
      expect(posted).toMatchObject({ status: 400, body: { code: 'INVALID_MESSAGE' } });
    }
    const good = '{"constructor":{"prototype":{"evil":1}}}';
    client.send(`{"event":"publish","data":${message(good)}}`);
    await client.next('published');
    expect(client.all('error')).toHaveLength(bad.length);
    expect(({} as { evil?: unknown }).evil).toBeUndefined();
    expect(app.bus.stats().window.events).toBe(1);
  });
});
