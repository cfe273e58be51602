import { SpanKind } from '@opentelemetry/api';
import type { DynamicModule } from '@nestjs/common';
import { PushModule } from 'nestjs-push';
import { PushTracesModule } from 'nestjs-push/opentelemetry';
import { PushOutbox, PushOutboxModule } from 'nestjs-push/outbox';
import { firstValueFrom } from 'rxjs';
import { database, shareDatabase, transaction } from './support/outbox.js';
import { connected } from './support/postgres.js';
import { startRedis } from './support/servers.js';
import { openStream, openSse } from './support/sse-reader.js';
import { startApp } from './support/start-app.js';
import { Traced } from './support/traced.js';
import { TracedProcess } from './support/traced-process.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

shareDatabase();

it('A request, what it publishes over Redis, and what a handler in another process does are one trace', async () => {
  const redis = await startRedis();
  const { port } = redis;
  const [web, worker] = await Promise.all([
    TracedProcess.start({ port }),
    TracedProcess.start({ port, handles: true }),
  ]);
  for (const [index, id] of ['1', '2'].entries()) {
    const answer = await fetch(web.url(`/orders/${id}`), { method: 'POST' });
    const [request, published, handled, audited] = await Promise.all([
      web.span('POST', index + 1),
      web.span('publish orders.*', index + 1),
      worker.span('process orders.*', index + 1),
      worker.span('publish audit.*', index + 1),
    ]);
    expect(request).toMatchObject({ kind: SpanKind.SERVER });
    const { traceId } = request;
    expect(published).toMatchObject({ traceId, kind: SpanKind.PRODUCER, parent: request.spanId });
    expect(handled).toMatchObject({ traceId, kind: SpanKind.CONSUMER, parent: published.spanId });
    expect(handled.links).toEqual([published.spanId]);
    expect(handled.attributes['messaging.message.id']).toBe(await answer.text());
    expect(audited).toMatchObject({ traceId, parent: handled.spanId });
  }
  expect(new Set(web.of('POST').map(({ traceId }) => traceId)).size).toBe(2);
  expect(worker.of('POST')).toEqual([]);
}, 120_000);

describe.each(['express', 'fastify'])('With the instrumentation of HTTP on %s', (platform) => {
  it('the span of a request for a stream ends when the stream begins, and a WebSocket has none', async () => {
    const node = await TracedProcess.start({ platform });
    const streams = ['/direct', '/piped', '/push/events?topic=orders.1'];
    for (const [index, path] of streams.entries()) {
      const stream = await openStream(node.url(path));
      // It is open, and its span has ended.
      const request = await node.span('GET', index + 1);
      expect(stream.isEnded).toBe(false);
      expect(request).toMatchObject({
        kind: SpanKind.SERVER,
        attributes: { 'http.response.status_code': 200, 'url.path': path.split('?')[0] },
      });
      const before = node.of('publish hooks.*');
      expect(before.at(-1)).toMatchObject({ traceId: request.traceId, parent: request.spanId });
      // What happens on the connection later is no part of the request.
      stream.drop();
      const left = await node.span('publish hooks.*', before.length + 1);
      expect(left).toMatchObject({ links: [request.spanId] });
      expect(left.parent).toBeUndefined();
      expect(left.traceId).not.toBe(request.traceId);
    }
    // A stream that is refused is an answer as any other.
    await openSse(node.url('/push/events?topic=secret'));
    const refused = await node.span('GET', streams.length + 1);
    expect(refused.attributes['http.response.status_code']).toBe(403);
    await fetch(node.url('/orders/1'), { method: 'POST' });
    await node.span('POST');

    const hooks = node.of('publish hooks.*').length;
    const socket = await openWs(node.url('/push').replace('http', 'ws'));
    await socket.subscribe('orders.1');
    socket.socket.close();
    await node.span('publish hooks.*', hooks + 2);
    for (const span of node.of('publish hooks.*').slice(hooks)) {
      expect(span.parent).toBeUndefined();
      expect(span.links).toEqual([]);
    }
    expect(node.of('GET')).toHaveLength(streams.length + 1);
    // No span has ended twice.
    expect(node.complaints).toEqual([]);
  }, 120_000);
});

it('Without the module, the span of a stream lasts as long as its connection', async () => {
  const node = await TracedProcess.start({ traces: false });
  const stream = await openStream(node.url('/push/events?topic=orders.1'));
  await fetch(node.url('/orders/1'), { method: 'POST' });
  await stream.untilEvents(1);
  await node.span('POST');
  expect(node.of('GET')).toEqual([]);
  stream.drop();
  await node.span('GET');
}, 120_000);

describe('An outbox', () => {
  async function start(traced: Traced, isTraced = true) {
    const imports: DynamicModule[] = [
      PushModule.forRoot({ topics: [{ pattern: 'orders.*' }] }),
      PushOutboxModule.forRoot({ url: database().url, pollInterval: 20 }),
    ];
    const { tracerProvider } = traced;
    if (isTraced) imports.push(PushTracesModule.forRoot({ tracerProvider }));
    const app = await startApp('express', { imports });
    await eventually(async () => (await app.bus.health()).ready);
    return { bus: app.bus, outbox: app.nest.get(PushOutbox) };
  }

  it('keeps the trace of a transaction in the row, for the relay and for handlers', async () => {
    const traced = new Traced();
    const { bus, outbox } = await start(traced);
    const client = await connected(database().port);
    const handled = firstValueFrom(bus.on('orders.*'));
    const request = await traced.within('request', async (span) => {
      await transaction(client, () => outbox.publish(client, 'orders.1', 1, { meta: { source: 'x' } }));
      return span.spanContext();
    });
    const { id, meta } = await handled;
    const [created, relayed, processed] = [
      await traced.span('create orders.*'),
      await traced.span('publish orders.*'),
      await traced.span('process orders.*'),
    ];
    const { traceId } = request;
    expect(created).toMatchObject({ traceId, kind: SpanKind.PRODUCER, parent: request.spanId });
    expect(relayed).toMatchObject({ traceId, kind: SpanKind.CLIENT, parent: created.spanId });
    expect(relayed.attributes['messaging.message.id']).toBe(id);
    expect(processed).toMatchObject({ traceId, parent: created.spanId, links: [created.spanId] });
    expect(meta).toMatchObject({ source: 'x', traceparent: `00-${traceId}-${created.spanId}-01` });
  });

  it('publishes rows of SQL and of nodes without traces, each with a span of the relay', async () => {
    const traced = new Traced();
    const { bus } = await start(traced);
    const client = await connected(database().port);
    const handled = firstValueFrom(bus.on('orders.*'));
    await traced.within('request', () => client.query(`SELECT push_outbox.push_publish('orders.2', '{}')`));
    await handled;
    const relayed = await traced.span('publish orders.*');
    expect(relayed).toMatchObject({ kind: SpanKind.PRODUCER, parent: undefined, links: [] });
    expect(await traced.span('process orders.*')).toMatchObject({ parent: relayed.spanId });
  });
});
