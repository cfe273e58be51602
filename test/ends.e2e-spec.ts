import { Controller, Injectable, Sse } from '@nestjs/common';
import {
  EventBus,
  isEnded,
  PushError,
  PushModule,
  PushSnapshot,
  type PushOptions,
  type StreamMessage,
} from 'nestjs-push';
import { lastValueFrom, map, toArray } from 'rxjs';
import { openSse, openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { openWs, type WsClient } from './support/ws-client.js';

const topics: PushOptions['topics'] = [
  { pattern: 'runs.short.*', access: 'public', finite: true, retention: { events: 3 } },
  { pattern: 'runs.*', access: 'public', finite: true },
  { pattern: 'rooms.*', access: 'public', finite: true, presence: { grace: 0 } },
  { pattern: 'items.*', access: 'public', state: true },
  { pattern: '>', access: 'public' },
];

@Controller()
class Routes {
  constructor(private readonly bus: EventBus) {}

  @Sse('direct')
  direct() {
    return this.bus.stream('runs.1', { from: 'earliest' });
  }

  @Sse('two')
  two() {
    return this.bus.stream(['runs.1', 'runs.2'], { from: 'earliest', envelope: true });
  }

  @Sse('piped')
  piped() {
    return this.bus
      .stream<string>('runs.1', { from: 'earliest' })
      .pipe(map((message) => (isEnded(message) ? message : { ...message, data: { text: message.data } })));
  }
}

/** Says what is in a room when the test lets it. */
@Injectable()
class Rooms {
  readonly answers: ((data: unknown) => void)[] = [];

  @PushSnapshot('rooms.:id')
  room() {
    return new Promise((answer) => this.answers.push(answer));
  }
}

async function start(options: PushOptions = {}) {
  const app = await startApp('express', {
    imports: [PushModule.forRoot({ topics, ...options })],
    controllers: [Routes],
    providers: [Rooms],
  });
  const bus: EventBus = app.nest.get(EventBus);
  return { app, bus };
}

/** What a promise rejects with. */
async function refusal(promise: Promise<unknown>): Promise<PushError> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (error instanceof PushError) return error;
  throw new Error(`It was not refused: ${String(error)}`);
}

/** The messages of a stream, up to its end. */
const whole = (bus: EventBus, topic: string, from: 'earliest' | 'last' | 'now' = 'earliest') =>
  lastValueFrom(bus.stream(topic, { from }).pipe(toArray()));

const said = ({ type, data }: StreamMessage) => [type, data];

/** What came after the greeting: names, and what tells them apart. */
const storyOf = (client: WsClient) =>
  client.messages
    .filter(({ event }) => !['hello', 'heartbeat', 'subscribed', 'live'].includes(event))
    .map(({ event, data }) => [event, data.topic, data.data ?? data.reason]);

const events = (app: RunningApp, query: string, id?: string) =>
  openSse(app.url(`/push/events?${query}`), id === undefined ? {} : { headers: { 'Last-Event-ID': id } });

describe('A finite topic', () => {
  it('ends once: the first end wins, and nothing follows it', async () => {
    const { bus } = await start();
    await bus.publish('runs.1', 'a');
    const end = await bus.publish('runs.1', 'b', { end: true, messageId: 'last' });
    expect(await refusal(bus.publish('runs.1', 'c'))).toMatchObject({
      code: 'ENDED',
      status: 410,
      retryable: false,
    });
    expect(await refusal(bus.end('runs.1', { reason: 'cancelled' }))).toMatchObject({ code: 'ENDED' });
    expect(await bus.publish('runs.1', 'b', { end: true, messageId: 'last' })).toBe(end);
    await bus.publish('runs.2', 'another topic goes on');
    expect((await whole(bus, 'runs.1')).map(said)).toEqual([
      [undefined, 'a'],
      [undefined, 'b'],
      ['push.ended', { topic: 'runs.1', reason: 'done' }],
    ]);
  });

  it('has a reason for its end, and no event that says nothing', async () => {
    const { bus } = await start();
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1', { reason: 'cancelled' });
    expect((await whole(bus, 'runs.1')).map(said)).toEqual([
      [undefined, 'a'],
      ['push.ended', { topic: 'runs.1', reason: 'cancelled' }],
    ]);
    expect((await bus.history('runs.1')).events.map(({ data }) => data)).toEqual(['a']);
  });

  it('brings its result to those who ask for the newest, and the events to the others', async () => {
    const { bus } = await start();
    const live = whole(bus, 'runs.1', 'now');
    await bus.publish('runs.1', 'Hel');
    await bus.publish('runs.1', 'lo');
    await bus.end('runs.1', { result: 'Hello', type: 'whole' });
    const ended = ['push.ended', { topic: 'runs.1', reason: 'done' }];
    const chunks = [[undefined, 'Hel'], [undefined, 'lo'], ended];
    expect((await live).map(said)).toEqual(chunks);
    expect((await whole(bus, 'runs.1', 'earliest')).map(said)).toEqual(chunks);
    expect((await whole(bus, 'runs.1', 'last')).map(said)).toEqual([['whole', 'Hello'], ended]);
  });

  it('is remembered as ended when its events have gone', async () => {
    const { bus } = await start({ retention: { bytes: 20_000 } });
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1', { reason: 'failed' });
    for (let n = 0; n < 100; n++) await bus.publish(`noise.${n % 3}`, 'x'.repeat(1_000));
    expect((await whole(bus, 'runs.1', 'now')).map(said)).toEqual([
      ['push.ended', { topic: 'runs.1', reason: 'failed' }],
    ]);
    expect(await refusal(bus.publish('runs.1', 'b'))).toMatchObject({ code: 'ENDED' });
  });

  it('keeps its end beside the number of events that its rule keeps', async () => {
    const { bus } = await start();
    for (let n = 0; n < 10; n++) await bus.publish('runs.short.1', n);
    await bus.end('runs.short.1', { result: 'all' });
    expect((await whole(bus, 'runs.short.1', 'last')).map(said)[0]).toEqual([undefined, 'all']);
    expect((await bus.history('runs.short.1')).events.map(({ data }) => data)).toEqual([8, 9]);
  });

  it('begins again when it is forgotten', async () => {
    const { bus } = await start();
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1');
    await bus.forget('runs.1');
    await bus.publish('runs.1', 'b');
    await bus.end('runs.1', { reason: 'again' });
    expect((await bus.history('runs.1')).events.map(({ data }) => data)).toEqual(['b']);
    expect((await whole(bus, 'runs.1')).at(-1)!.data).toMatchObject({ reason: 'again' });
  });

  it('may be forgotten while it is running, and so may a state', async () => {
    const { app, bus } = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1', 'items.1']);
    await client.until(() => client.messages.some(({ event }) => event === 'live'));
    await bus.publish('runs.1', 'a');
    await bus.publish('items.1', 'b');
    await bus.forget('runs.1');
    await bus.forget('items.1');
    await bus.publish('runs.1', 'c');
    await client.until(() => storyOf(client).length === 5);
    expect(storyOf(client).map(([event, topic]) => `${event as string} ${topic as string}`)).toEqual([
      'message runs.1',
      'message items.1',
      'removed runs.1',
      'removed items.1',
      'message runs.1',
    ]);
  });

  it.each<[what: string, says: RegExp, run: (bus: EventBus) => Promise<unknown>]>([
    [
      'end() of another topic',
      /end\(\) is for finite topics, and news is none.*finite: true/,
      (bus) => bus.end('news'),
    ],
    [
      'the last event of another topic',
      /end is for finite topics/,
      (bus) => bus.publish('items.1', 1, { end: true }),
    ],
    ['forget() of another topic', /forget\(\) is for finite and state topics/, (bus) => bus.forget('news')],
    ['end() of a wildcard', /for subscribing/, (bus) => bus.end('runs.*')],
    ['a reason of two words', /one word/, (bus) => bus.end('runs.1', { reason: 'not now' })],
    [
      'an ephemeral last event',
      /ephemeral/,
      (bus) => bus.publish('runs.1', 1, { end: true, ephemeral: true } as never),
    ],
    ['end among the metadata', /"end"/, (bus) => bus.publish('runs.1', 1, { meta: { end: 'done' } })],
  ])('refuses %s', async (_, says, run) => {
    const { bus } = await start();
    const error = await refusal(run(bus));
    expect(error.code).toMatch(/^INVALID_(OPTION|TOPIC)$/);
    expect(error.message).toMatch(says);
  });

  it.each<[what: string, says: RegExp, rule: object]>([
    ['state that ends', /topics\[0\]\.finite/, { state: true, finite: true }],
    ['ends without events', /topics\[0\]\.retention\.events/, { finite: true, retention: { events: 0 } }],
    ['a ttl for other topics', /topics\[0\]\.ttl .*state: true or finite: true/, { ttl: 5 }],
  ])('does not start with %s', async (_, says, rule) => {
    const error = await refusal(start({ topics: [{ pattern: 'a', ...rule }] }));
    expect([error.code, error.message]).toEqual(['INVALID_OPTION', expect.stringMatching(says)]);
  });
});

describe('A stream of finite topics', () => {
  it.each(['direct', 'piped'])(
    'that is %s ends with the topic, and 204 keeps its client away',
    async (route) => {
      const { app, bus } = await start();
      const stream = await openStream(app.url(`/${route}`));
      await bus.publish('runs.1', 'a');
      await stream.untilEvents(1);
      const id = await bus.end('runs.1');
      await stream.untilEnd();
      expect(stream.events.slice(1)).toEqual([
        { type: 'push.ended', id, data: '{"topic":"runs.1","reason":"done"}' },
      ]);
      expect(stream.lastEventId).toBe('push.end');
      const again = await openSse(app.url(`/${route}`), { headers: { 'Last-Event-ID': 'push.end' } });
      expect([again.status, await again.untilEnd()]).toEqual([204, '']);
    },
  );

  it.each(['direct', 'piped'])(
    'that is %s tells a client of an end that it was cut off from',
    async (route) => {
      const { app, bus } = await start();
      await bus.publish('runs.1', 'a');
      const id = await bus.end('runs.1', { reason: 'failed' });
      const stream = await openSse(app.url(`/${route}`), { headers: { 'Last-Event-ID': id } });
      await stream.untilEnd();
      expect(stream.events.map(({ type, data }) => [type, data])).toEqual([
        ['push.ended', '{"topic":"runs.1","reason":"failed"}'],
      ]);
      expect(stream.lastEventId).toBe('push.end');
    },
  );

  it('ends when all of its topics have, and tells of each', async () => {
    const { app, bus } = await start();
    const stream = await openStream(app.url('/two'));
    await bus.publish('runs.2', 'a', { end: true });
    await stream.untilEvents(2);
    await bus.publish('runs.1', 'b');
    await bus.end('runs.1');
    await stream.untilEnd();
    expect(stream.events.map(({ type, data }) => [type, data])).toEqual([
      ['message', '{"topic":"runs.2","data":"a"}'],
      ['push.ended', '{"topic":"runs.2","reason":"done"}'],
      ['message', '{"topic":"runs.1","data":"b"}'],
      ['push.ended', '{"topic":"runs.1","reason":"done"}'],
    ]);
  });

  it('of a wildcard goes on', async () => {
    const { app, bus } = await start();
    const stream = await events(app, 'topic=runs.*');
    await stream.until(() => stream.body.includes('retry: '));
    await bus.end('runs.1');
    await bus.publish('runs.2', 'b');
    await stream.untilEvents(2);
    expect(stream.isEnded).toBe(false);
    expect(stream.events.map(({ type }) => type)).toEqual(['push.ended', 'message']);
  });

  it('is told of the end of its topic also where the last event excepts it', async () => {
    const { app, bus } = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1']);
    const { connection } = client.messages[0]!.data as { connection: string };
    await bus.publish('runs.1', 'from me', { end: true, except: connection });
    await client.until(() => storyOf(client).length > 0);
    expect(storyOf(client)).toEqual([['ended', 'runs.1', 'done']]);
  });
});

describe('A client of the message protocol', () => {
  it('reads a topic no more when that has ended, and may ask for others', async () => {
    const { app, bus } = await start();
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1', 'news']);
    await bus.publish('runs.1', 'a', { end: true });
    await client.until(() => storyOf(client).length === 2);
    await bus.forget('runs.1');
    await bus.publish('runs.1', 'of the next run');
    await bus.publish('news', 'b');
    await client.until(() => storyOf(client).length === 3);
    expect(storyOf(client)).toEqual([
      ['message', 'runs.1', 'a'],
      ['ended', 'runs.1', 'done'],
      ['message', 'news', 'b'],
    ]);
    expect(bus.stats().subscriptions).toBe(1);
  });

  it('that comes after the end is told of it, without an id, after it is live', async () => {
    const { app, bus } = await start();
    await bus.publish('runs.1', 'a');
    await bus.end('runs.1', { reason: 'cancelled' });
    const client = await openWs(app.webSocketUrl());
    client.send({ event: 'subscribe', data: { topics: ['runs.1'] } });
    await client.until(() => storyOf(client).length === 1);
    expect(client.messages.slice(-2)).toMatchObject([
      { event: 'live' },
      { event: 'ended', data: { topic: 'runs.1', reason: 'cancelled' } },
    ]);
    expect(client.messages.at(-1)!.data).not.toHaveProperty('id');
  });

  it('that asks once more for a topic while it ends gets all that it asked for', async () => {
    const { app, bus } = await start();
    for (let n = 0; n < 500; n++) await bus.publish('runs.1', n);
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['runs.1']);
    client.send({ event: 'subscribe', data: { topics: ['runs.1'], from: 'earliest', repeat: true } });
    await bus.end('runs.1');
    await client.until(() => storyOf(client).filter(([event]) => event === 'ended').length > 0);
    client.send({ event: 'subscribe', data: { topics: ['runs.1'], from: 'earliest', repeat: true } });
    await client.until(() => storyOf(client).filter(([event]) => event === 'message').length >= 1_000);
  });

  it('that asks once more for a topic stays present in it until that has come to its end too', async () => {
    const { app, bus } = await start();
    const presence = bus.presence('rooms.1');
    const client = await openWs(app.webSocketUrl());
    await client.subscribe(['rooms.1']);
    await eventually(() => presence.count === 1);
    const changes: string[] = [];
    presence.changes.subscribe(({ type }) => changes.push(type));
    client.send({ event: 'subscribe', data: { topics: ['rooms.1'], from: 'snapshot', repeat: true } });
    const { answers } = app.nest.get(Rooms);
    await eventually(() => answers.length === 1);
    await bus.end('rooms.1');
    await client.until(() => storyOf(client).length === 1);
    // What is written of its presence is written in order.
    await client.subscribe(['rooms.2']);
    await eventually(() => bus.presence('rooms.2').count === 1);
    expect([presence.count, changes]).toEqual([1, []]);
    answers[0]!({ chairs: 4 });
    await eventually(() => presence.count === 0);
    expect(changes).toEqual(['leave']);
  });
});
