import { SpanKind, trace } from '@opentelemetry/api';
import { PushModule } from 'nestjs-push';
import { PushTracesModule, type PushTracesOptions } from 'nestjs-push/opentelemetry';
import { delay, map, mergeMap, of } from 'rxjs';
import { openStream } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { next, start, topics, traceparent } from './support/traced-app.js';
import { Traced } from './support/traced.js';
import { openWs } from './support/ws-client.js';

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
