import { SpanKind, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import {
  PushModule,
  PushTopic,
  Runs,
  type EventBus,
  type PushEvent,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { PushTracesModule, type PushTracesOptions } from 'nestjs-push/opentelemetry';
import { delay, firstValueFrom, map, mergeMap, of, take, toArray } from 'rxjs';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { Traced } from './support/traced.js';
import { openWs } from './support/ws-client.js';

const topics = [
  { pattern: 'news.*', access: 'public' as const },
  { pattern: 'rooms.:id.>', access: 'public' as const },
  { pattern: 'prices.*', access: 'public' as const, state: true },
  { pattern: 'jobs.*', access: 'public' as const, finite: true },
];

@PushTopic('rooms.:id')
class RoomPolicy implements TopicPolicy {
  canPublish() {
    return true;
  }
}

interface Scene {
  readonly app: RunningApp;
  readonly bus: EventBus;
  readonly traced: Traced;
}

async function start(
  { traced = new Traced(), ...options }: PushTracesOptions & { traced?: Traced } = {},
  push: PushOptions = {},
): Promise<Scene> {
  const { tracerProvider } = traced;
  const app = await startApp('express', {
    imports: [
      PushModule.forRoot({ topics, onError: () => undefined, ...push }),
      PushTracesModule.forRoot({ tracerProvider, ...options }),
      // Imported by another module too: there is one span of each.
      PushTracesModule.forRoot({ tracerProvider }),
    ],
    providers: [Users, RoomPolicy],
  });
  return { app, bus: app.bus, traced };
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    yield n;
  }
}

/** The next event that a handler gets. */
function next(bus: EventBus, pattern: string): Promise<PushEvent> {
  return firstValueFrom(bus.on(pattern));
}

const traceparent = (span: { traceId: string; spanId: string }, flags = '01') =>
  `00-${span.traceId}-${span.spanId}-${flags}`;

describe('A publication', () => {
  it('has one producer span, named by the rule and never by the topic, in the trace of its caller', async () => {
    const { bus, traced } = await start();
    const [id, request] = await traced.within('request', async (span) => [
      await bus.publish('rooms.7.chat', 1),
      span.spanContext(),
    ]);
    expect(traced.ended.map(({ name }) => name)).toEqual(['publish rooms.*.>', 'request']);
    expect(traced.ended[0]).toMatchObject({
      kind: SpanKind.PRODUCER,
      traceId: request.traceId,
      parent: request.spanId,
      links: [],
      isError: false,
      attributes: {
        'messaging.system': 'nestjs_push',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'rooms.7.chat',
        'messaging.destination.template': 'rooms.*.>',
        'messaging.message.id': id,
      },
    });
  });

  it('has the code of its error, also if it was refused before it could be stored', async () => {
    const { bus, traced } = await start();
    const id = await bus.publish('prices.a', 1);
    await bus.publish('prices.a', 2, { expect: id });
    const refused: [string, Promise<unknown>][] = [
      ['CONFLICT', bus.publish('prices.a', 3, { expect: id })],
      ['INVALID_TOPIC', bus.publish('news.*', 1)],
      ['DATA_NOT_SERIALIZABLE', bus.publish('news.a', undefined as never)],
      ['INVALID_OPTION', bus.remove('news.a')],
      ['INVALID_OPTION', bus.end('news.a')],
      ['INVALID_OPTION', bus.forget('news.a')],
      ['DATA_NOT_SERIALIZABLE', bus.publishMany([{ topic: 'news.a', data: undefined as never }])],
    ];
    for (const [, publication] of refused) await expect(publication).rejects.toThrow();
    const failed = traced.ended.filter(({ isError }) => isError);
    expect(failed.map(({ attributes }) => attributes['error.type']).sort()).toEqual(
      refused.map(([code]) => code).sort(),
    );
    // What is no topic is not shown: it may be anything.
    const invalid = failed.find(({ attributes }) => attributes['error.type'] === 'INVALID_TOPIC');
    expect(invalid).toMatchObject({ name: 'publish (none)', kind: SpanKind.PRODUCER });
    expect(invalid!.attributes).not.toHaveProperty(['messaging.destination.name']);
  });

  it.each<[string, (bus: EventBus) => Promise<unknown>, string]>([
    ['an ephemeral event', (bus) => bus.publish('news.a', 1, { ephemeral: true }), 'news.a'],
    ['a removal', (bus) => bus.remove('prices.a'), 'prices.a'],
    ['an end', (bus) => bus.end('jobs.a', { result: 1 }), 'jobs.a'],
    ['the last event', (bus) => bus.publish('jobs.a', 1, { end: true, meta: { source: 'x' } }), 'jobs.a'],
    ['what is forgotten', (bus) => bus.forget('jobs.a'), 'jobs.a'],
  ])('carries its context: %s', async (_, publish, topic) => {
    const { bus, traced } = await start();
    const handled = next(bus, topic);
    await publish(bus);
    const { meta } = await handled;
    const span = traced.ended.find(({ kind }) => kind === SpanKind.PRODUCER);
    expect(meta).toMatchObject({ traceparent: traceparent(span!) });
    const process = traced.ended.find(({ kind }) => kind === SpanKind.CONSUMER);
    expect(process).toMatchObject({ traceId: span!.traceId, parent: span!.spanId, links: [span!.spanId] });
  });

  it('of many events has one span, which all of them carry', async () => {
    const { bus, traced } = await start();
    const handled = firstValueFrom(bus.on('>').pipe(take(3), toArray()));
    await bus.publishMany([
      { topic: 'news.a', data: 1 },
      { topic: 'news.b', data: 2 },
      { topic: 'news.b', data: 3, ephemeral: true },
    ]);
    const [span] = traced.of('publish news.*');
    expect(span!.attributes).toMatchObject({ 'messaging.batch.message_count': 3 });
    expect(new Set((await handled).map(({ meta }) => meta!.traceparent))).toEqual(
      new Set([traceparent(span!)]),
    );
    await bus.publishMany([
      { topic: 'news.a', data: 1 },
      { topic: 'else', data: 2 },
    ]);
    expect(traced.of('publish')).toHaveLength(1);
    await bus.publishMany([]);
    expect(traced.ended.filter(({ kind }) => kind === SpanKind.PRODUCER)).toHaveLength(2);
  });

  it('keeps the traceparent that the application has set, and has a link to it', async () => {
    const { bus, traced } = await start();
    const own = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const handled = next(bus, 'news.a');
    await traced.within('request', () => bus.publish('news.a', 1, { meta: { traceparent: own } }));
    expect((await handled).meta).toEqual({ traceparent: own });
    const [span] = traced.of('publish news.*');
    expect(span).toMatchObject({ kind: SpanKind.CLIENT, links: ['b7ad6b7169203331'] });
    expect(span!.traceId).toBe(traced.of('request')[0]!.traceId);
    const process = await traced.span('process news.*');
    expect(process).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parent: 'b7ad6b7169203331',
    });
  });

  it('is never refused for its context: metadata that leaves no room stays as it is', async () => {
    const { bus } = await start();
    for (const room of [0, 70, 71, 200]) {
      const meta = { filled: 'ü'.repeat((4096 - 14 - room) >> 1) };
      const handled = next(bus, 'news.a');
      await bus.publish('news.a', 1, { meta });
      const got = (await handled).meta!;
      expect(Buffer.byteLength(JSON.stringify(got))).toBeLessThanOrEqual(4096);
      expect(got).toMatchObject(meta);
      if (room === 0) expect(got).toEqual(meta);
      if (room === 200) expect(got).toHaveProperty('traceparent');
    }
  });

  it('carries that it is not sampled, so that the trace has no pieces', async () => {
    const { bus, traced } = await start({ traced: new Traced(new AlwaysOffSampler()) });
    const handled = next(bus, 'news.a');
    await bus.publish('news.a', 1);
    expect((await handled).meta!.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
    expect(traced.ended).toEqual([]);
  });
});

describe('A client that publishes', () => {
  it('has a span for it, over HTTP and over a WebSocket', async () => {
    const authenticate = NameAuthenticator;
    const { app, traced } = await start({}, { authenticate, topics: [{ pattern: 'rooms.*' }] });
    await postJson(app.url('/push/publish'), { topic: 'rooms.1', data: 1 }, as('ann').headers);
    const socket = await openWs(app.webSocketUrl(), as('ann'));
    await socket.ask('publish', { topic: 'rooms.2', data: 1 });
    await traced.span('publish rooms.*', 2);
    expect(
      traced.of('publish rooms.*').map(({ attributes }) => attributes['messaging.destination.name']),
    ).toEqual(['rooms.1', 'rooms.2']);
  });
});

describe('A run', () => {
  it('has no span for each of its events, which carry the context that it was started in, and one for its end', async () => {
    const { app, bus, traced } = await start();
    const handled = firstValueFrom(bus.on('jobs.1').pipe(take(4), toArray()));
    const request = await traced.within('request', async (span) => {
      const run = await app.nest.get(Runs).start('jobs.1', () => numbers(3), { joinFor: 0 });
      await run.done;
      return span.spanContext();
    });
    const [first, , , end] = await handled;
    const producers = traced.ended.filter(({ kind }) => kind === SpanKind.PRODUCER);
    expect(producers).toHaveLength(1);
    expect(first!.meta).toMatchObject({ traceparent: traceparent(request) });
    expect(end!.meta).toMatchObject({ traceparent: traceparent(producers[0]!) });
    expect(producers[0]!.traceId).toBe(request.traceId);
  });
});

describe('A handler', () => {
  it('runs in a span of its own, which lasts until it is done and has its error', async () => {
    const { bus, traced } = await start();
    let finish: () => void = () => undefined;
    bus.on('news.*').subscribe(async ({ data }) => {
      await new Promise<void>((resolve) => (finish = resolve));
      await bus.publish('else', data);
      if (data === 2) throw new TypeError('late');
    });
    const id = await bus.publish('news.a', 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(traced.of('process news.*')).toEqual([]);
    finish();
    const span = await traced.span('process news.*');
    const [published] = traced.of('publish news.*');
    expect(span).toMatchObject({
      kind: SpanKind.CONSUMER,
      traceId: published!.traceId,
      parent: published!.spanId,
      links: [published!.spanId],
      isError: false,
      attributes: {
        'messaging.system': 'nestjs_push',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'news.a',
        'messaging.destination.template': 'news.*',
        'messaging.destination.subscription.name': 'news.*',
        'messaging.message.id': id,
      },
    });
    expect(traced.of('publish (none)')[0]).toMatchObject({ traceId: span.traceId, parent: span.spanId });
    const asked = finish;
    await bus.publish('news.a', 2);
    while (finish === asked) await new Promise((resolve) => setImmediate(resolve));
    finish();
    await traced.span('process news.*', 2);
    expect(traced.of('process news.*')[1]).toMatchObject({
      isError: true,
      exceptions: 1,
      attributes: { 'error.type': 'TypeError' },
    });
  });

  it('that throws at once has the error, and so has a pipe', async () => {
    const { bus, traced } = await start();
    bus.on('news.*').subscribe(() => {
      throw new RangeError('at once');
    });
    await bus.publish('news.a', 1);
    expect(await traced.span('process news.*')).toMatchObject({ attributes: { 'error.type': 'RangeError' } });
    bus
      .on('rooms.>')
      .pipe(
        map(() => {
          throw new SyntaxError('in the pipe');
        }),
      )
      .subscribe();
    await bus.publish('rooms.1.a', 1);
    expect(await traced.span('process rooms.*.>')).toMatchObject({
      attributes: { 'error.type': 'SyntaxError' },
    });
  });

  it('sees the context of its own event alone, however many there are at once', async () => {
    const { bus, traced } = await start();
    const seen: [unknown, string | undefined][] = [];
    bus.on('news.*').subscribe(async ({ data }) => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push([data, trace.getActiveSpan()?.spanContext().traceId]);
    });
    bus
      .on('news.*')
      .pipe(mergeMap((event) => of(event).pipe(delay(1))))
      .subscribe(({ data }) => seen.push([data, trace.getActiveSpan()?.spanContext().traceId]));
    const expected = new Map<unknown, string>();
    await Promise.all(
      [1, 2, 3, 4, 5].map((n) =>
        traced.within('request', async (span) => {
          expected.set(n, span.spanContext().traceId);
          await bus.publish('news.a', n);
        }),
      ),
    );
    await traced.until(() => traced.of('process news.*').length === 10);
    while (seen.length < 10) await new Promise((resolve) => setImmediate(resolve));
    for (const [data, traceId] of seen) expect(traceId).toBe(expected.get(data));
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it('of an event without context begins a trace, whoever has published before', async () => {
    const traced = new Traced();
    const { bus } = await start({ traced });
    const handled: (string | undefined)[] = [];
    bus.on('news.*').subscribe(() => handled.push(trace.getActiveSpan()?.spanContext().traceId));
    const requestId = await traced.within('request', async (span) => {
      // What is no context counts as none.
      for (const own of ['', '00-1-2-3', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])
        await bus.publish('news.a', 1, { meta: { traceparent: own } });
      return span.spanContext().traceId;
    });
    await traced.span('process news.*', 3);
    expect(new Set(handled).size).toBe(3);
    expect(handled).not.toContain(requestId);
    for (const span of traced.of('process news.*'))
      expect(span).toMatchObject({ parent: undefined, links: [] });
  });

  it('has a trace of its own, with a link, if that was chosen', async () => {
    const { bus, traced } = await start({ handlers: 'newTrace' });
    bus.on('news.*').subscribe(() => undefined);
    await bus.publish('news.a', 1);
    const span = await traced.span('process news.*');
    const [published] = traced.of('publish news.*');
    expect(span).toMatchObject({ parent: undefined, links: [published!.spanId] });
    expect(span.traceId).not.toBe(published!.traceId);
  });
});

describe('Clients', () => {
  async function deliveries(options: PushTracesOptions) {
    const { app, bus, traced } = await start(options);
    const stream = await openStream(app.url('/push/events?topic=news.a&topic=jobs.1'));
    const socket = await openWs(app.webSocketUrl());
    await socket.subscribe(['news.a', 'jobs.1']);
    await bus.publish('news.a', 1, { meta: { source: 'x' } });
    await bus.publish('jobs.1', 2, { end: true });
    await stream.until(() => stream.body.includes('push.ended'));
    await socket.next('ended');
    const page = await (await fetch(app.url('/push/history?topic=news.a'))).text();
    return { stream, socket, page, spans: traced.of('publish news.*'), traced };
  }

  it('get no traceparent, and no delivery has a span', async () => {
    const { stream, socket, page, traced } = await deliveries({});
    expect(stream.body + JSON.stringify(socket.messages) + page).not.toMatch(/traceparent|00-[\da-f]{32}/);
    expect(traced.ended.map(({ name }) => name)).toEqual(['publish news.*', 'publish jobs.*']);
  });

  it('get it if that was chosen, and no other metadata', async () => {
    const { stream, socket, page, spans } = await deliveries({ clients: true });
    const own = traceparent(spans[0]!);
    expect(stream.body).toContain(`\ntraceparent: ${own}\ndata: {"topic":"news.a","data":1}\n`);
    expect(stream.events.map(({ data }) => data)).toContain('{"topic":"news.a","data":1}');
    expect(socket.all('message').map((each) => typeof each.traceparent)).toEqual(['string', 'string']);
    expect(socket.all('message')[0]).toMatchObject({ topic: 'news.a', traceparent: own });
    expect(JSON.parse(page)).toMatchObject({ events: [{ traceparent: own }] });
    expect(stream.body + JSON.stringify(socket.messages) + page).not.toMatch(/source|shown/);
  });

  it('never get what the application has written in the place of it as a field of a stream', async () => {
    const { app, bus } = await start({ clients: true });
    const stream = await openStream(app.url('/push/events?topic=news.a'));
    await bus.publish('news.a', 1, { meta: { traceparent: 'x\ndata: "forged"' } });
    await bus.publish('news.a', 2, { meta: { traceparent: 3 } });
    await stream.untilEvents(2);
    expect(stream.body).not.toMatch(/forged|traceparent/);
  });
});

describe('Without an SDK, or without the module', () => {
  it('events carry nothing, and everything works', async () => {
    const app = await startApp('express', {
      imports: [PushModule.forRoot({ topics, isGlobal: false }), PushTracesModule.forRoot()],
    });
    const handled = next(app.bus, 'news.a');
    await app.bus.publish('news.a', 1);
    expect((await handled).meta).toBeUndefined();
    const many = next(app.bus, 'news.a');
    await app.bus.publishMany([{ topic: 'news.a', data: 1 }]);
    expect((await many).meta).toBeUndefined();
  });

  it('what another node has published is passed on unharmed', async () => {
    const app = await startApp('express', { imports: [PushModule.forRoot({ topics })] });
    const meta = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
    };
    const handled = next(app.bus, 'news.a');
    await app.bus.publish('news.a', 1, { meta });
    expect((await handled).meta).toEqual(meta);
  });
});
