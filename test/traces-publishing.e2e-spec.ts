import { SpanKind } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { Runs, type EventBus } from 'nestjs-push';
import { firstValueFrom, take, toArray } from 'rxjs';
import { postJson } from './support/post-json.js';
import { as, NameAuthenticator } from './support/roles.js';
import { next, start, traceparent } from './support/traced-app.js';
import { Traced } from './support/traced.js';
import { openWs } from './support/ws-client.js';

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

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    yield n;
  }
}

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
