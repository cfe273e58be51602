import { Injectable, type INestApplication, type NestInterceptor } from '@nestjs/common';
import { IsString } from 'class-validator';
import { PushLifecycle, PushModule, PushTopic, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { map } from 'rxjs';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openSse, type SseReader } from './support/sse-reader.js';
import { platforms, startApp, type RunningApp } from './support/start-app.js';
import type { Message } from './support/ws-client.js';

class Note {
  @IsString()
  text!: string;
}

/** Whoever has a name may read and write notes. */
@Injectable()
@PushTopic('notes.:room', { payload: Note })
class NotesPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

function messages(stream: SseReader): Message[] {
  return stream.data.map((text) => JSON.parse(text) as Message);
}

function named(stream: SseReader, event: string): Record<string, unknown>[] {
  return messages(stream)
    .filter((message) => message.event === event)
    .map(({ data }) => data);
}

async function ask(app: RunningApp, subscribe: object[], name = 'ann'): Promise<SseReader> {
  return openSse(app.url('/push/events'), {
    method: 'POST',
    headers: { ...as(name).headers, 'content-type': 'application/json' },
    body: JSON.stringify({ subscribe }),
  });
}

async function post(app: RunningApp, path: string, body: unknown, headers: object = as('ann').headers) {
  const answer = await fetch(app.url(path), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as unknown };
}

/** Puts an envelope around every answer, as many applications do. */
const envelope: NestInterceptor = {
  intercept: (_, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
};

describe.each(platforms)('messages over HTTP on %s', (platform) => {
  let app: RunningApp;
  let users: Users;

  async function start(
    options: PushOptions = {},
    configure?: (app: INestApplication) => unknown,
  ): Promise<void> {
    users = new Users();
    app = await startApp(
      platform,
      {
        providers: [{ provide: Users, useValue: users }, NotesPolicy],
        exports: [Users],
        imports: [
          PushModule.forRoot({
            topics: [{ pattern: 'news.*', access: 'public' }],
            authenticate: NameAuthenticator,
            heartbeat: 200,
            ...options,
          }),
        ],
      },
      configure,
    );
  }

  it('are those of a WebSocket', async () => {
    await start({ websocket: { maxTopics: 7, maxMessageBytes: 999 } });
    const first = await app.bus.publish('news.a', 1);
    const stream = await ask(app, [
      { topics: ['news.b'], ref: 'now' },
      { topics: ['news.a'], from: 'earliest', repeat: true, ref: 'all' },
    ]);
    expect(stream.status).toBe(200);
    expect(stream.response.headers['content-type']).toMatch(/^text\/event-stream/);
    await stream.until(() => named(stream, 'live').length === 2);
    const second = await app.bus.publish('news.b', 'ü\r\n"', { type: 't' });
    await app.bus.publish('news.a', null, { ephemeral: true });
    await stream.until(() => named(stream, 'message').length === 3);
    expect(messages(stream).filter(({ event }) => event !== 'heartbeat')).toEqual([
      {
        event: 'hello',
        data: {
          connection: expect.any(String) as string,
          client: expect.any(String) as string,
          heartbeat: 200,
          limits: { maxMessageBytes: 999, maxTopics: 7, maxInnerWildcards: 32 },
        },
      },
      { event: 'subscribed', data: { ref: 'now', topics: ['news.b'], id: first } },
      { event: 'live', data: { ref: 'now', topics: ['news.b'], id: first } },
      { event: 'subscribed', data: { ref: 'all', topics: ['news.a'], id: expect.any(String) as string } },
      { event: 'message', data: { topic: 'news.a', id: first, data: 1 } },
      { event: 'live', data: { ref: 'all', topics: ['news.a'], id: first } },
      { event: 'message', data: { topic: 'news.b', id: second, type: 't', data: 'ü\r\n"' } },
      { event: 'message', data: { topic: 'news.a', data: null } },
    ]);
    await stream.until(() => named(stream, 'heartbeat').some(({ id }) => id === second));
    expect(app.bus.stats()).toMatchObject({ connections: 1, subscriptions: 2 });
    stream.drop();
  });

  it('keep their form where an interceptor changes every answer', async () => {
    await start({}, (nest) => nest.useGlobalInterceptors(envelope));
    const stream = await ask(app, [{ topics: ['notes.a'] }]);
    await stream.until(() => named(stream, 'live').length === 1);
    const answer = await post(app, '/push/publish', { topic: 'notes.a', data: { text: 'x' } });
    await stream.until(() => named(stream, 'message').length === 1);
    expect(answer).toMatchObject({ status: 200, body: { id: named(stream, 'message')[0]!.id } });
  });

  it('refuse a subscription without harm to the others', async () => {
    await start();
    const stream = await ask(app, [
      { topics: ['secret'], ref: 'r1' },
      { topics: ['a..b'], ref: 'r2' },
      { topics: ['news.a'], ref: 'r3' },
    ]);
    await stream.until(() => named(stream, 'live').length === 1);
    expect(named(stream, 'error')).toMatchObject([
      { ref: 'r1', code: 'FORBIDDEN', retryable: false },
      { ref: 'r2', code: 'INVALID_TOPIC', retryable: false },
    ]);
    await app.bus.publish('news.a', 1);
    await stream.until(() => named(stream, 'message').length === 1);
  });

  it('tell of gaps, of lost rights, of the end of the authentication, and of a shutdown', async () => {
    await start({ retry: 1_000 });
    const ann = await ask(app, [
      { topics: ['notes.a'], from: 'none of ours', ref: 'r' },
      { topics: ['news.a'], ref: 's' },
    ]);
    await ann.until(() => named(ann, 'live').length === 2);
    expect(named(ann, 'gap')).toMatchObject([{ reason: 'malformed', topics: ['notes.a'] }]);
    users.lifetime = 2_000;
    const ben = await ask(app, [{ topics: ['notes.a'] }], 'ben');
    await ben.untilEnd();
    expect(named(ben, 'hello')).toMatchObject([{ expiresAt: expect.any(Number) as number }]);
    expect(messages(ben).at(-1)).toMatchObject({ event: 'error', data: { code: 'UNAUTHENTICATED' } });
    const draining = app.nest.get(PushLifecycle).drain();
    await ann.untilEnd();
    const delay = Number(messages(ann).at(-1)!.data.delay);
    expect(messages(ann).at(-1)!.event).toBe('drain');
    expect(delay).toBeGreaterThanOrEqual(500);
    expect(delay).toBeLessThanOrEqual(1_500);
    await draining;
    const refused = await ask(app, []);
    expect(refused.status).toBe(503);
    expect(Number(refused.response.headers['retry-after'])).toBeGreaterThan(0);
    expect((await post(app, '/push/publish', { topic: 'notes.a', data: { text: 'x' } })).status).toBe(503);
  });

  it('publish, once for a message id, and not to their own stream if they say so', async () => {
    await start();
    const ann = await ask(app, [{ topics: ['notes.a'] }]);
    const ben = await ask(app, [{ topics: ['notes.a'] }], 'ben');
    for (const stream of [ann, ben]) await stream.until(() => named(stream, 'live').length === 1);
    const { connection } = named(ann, 'hello')[0]!;
    const note = { topic: 'notes.a', data: { text: 'one' }, messageId: 'm1' };
    const first = await post(app, '/push/publish', note);
    expect(first).toMatchObject({ status: 200, body: { id: expect.any(String) as string } });
    expect((await post(app, '/push/publish', note)).body).toEqual(first.body);
    await post(app, '/push/publish', { ...note, messageId: 'm2', echo: false, connection });
    const ephemeral = { topic: 'notes.a', data: { text: 'three' }, ephemeral: true };
    expect((await post(app, '/push/publish', ephemeral)).body).toEqual({});
    for (const [stream, count] of [[ann, 2] as const, [ben, 3] as const]) {
      await stream.until(() => named(stream, 'message').some(({ id }) => id === undefined));
      expect(named(stream, 'message')).toHaveLength(count);
    }
  });

  it.each([
    ['no JSON', '/push/events', '{"subscribe":', 400],
    ['no list', '/push/events', {}, 400],
    ['what is no subscription', '/push/events', { subscribe: [{ topics: 'news.a' }] }, 400],
    ['what is nested too deep', '/push/publish', `{"data":${'['.repeat(99)}${']'.repeat(99)}}`, 400],
    ['a key __proto__', '/push/publish', '{"topic":"notes.a","data":{"__proto__":{"x":1}}}', 400],
    ['more than a message may have', '/push/publish', { topic: 'notes.a', data: 'x'.repeat(70_000) }, 413],
    ['a topic that nobody opened', '/push/publish', { topic: 'news.a', data: 1 }, 403],
    ['data that the policy does not take', '/push/publish', { topic: 'notes.a', data: { text: 1 } }, 400],
  ])('answer %s', async (_, path, body, status) => {
    await start();
    const answer = await post(app, path, body);
    expect(answer).toMatchObject({ status, body: { statusCode: status } });
  });

  it('are for those who say who they are', async () => {
    await start();
    for (const path of ['/push/events', '/push/publish']) {
      const answer = await post(app, path, { subscribe: [], topic: 'notes.a', data: { text: 'x' } }, {});
      expect(answer).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('are metered over all requests of one user', async () => {
    await start({ limits: { publishPerPrincipal: { perSecond: 0.01, burst: 3 } } });
    const note = { topic: 'notes.a', data: { text: 'x' } };
    const statuses = [];
    for (let count = 0; count < 4; count++) statuses.push((await post(app, '/push/publish', note)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect((await post(app, '/push/publish', note, as('ben').headers)).status).toBe(200);
  });

  it('leave nothing behind', async () => {
    await start();
    const stream = await ask(app, [{ topics: ['news.a', 'notes.a'] }]);
    await stream.until(() => named(stream, 'live').length === 1);
    stream.drop();
    const gone = () => app.bus.stats().connections === 0 && app.bus.stats().subscriptions === 0;
    while (!gone()) await new Promise((resolve) => setImmediate(resolve));
  });
});
