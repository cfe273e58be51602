import fastifyCompress from '@fastify/compress';
import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tap } from 'rxjs';
import { afterTest } from './support/cleanup.js';
import { CompressedAudience, newsPath } from './support/compressed-audience.js';
import { GzipReader, openGzip } from './support/compressed-clients.js';
import { startHaproxy } from './support/haproxy.js';
import { wsHearer } from './support/hearers.js';
import { Http2Probe } from './support/http2-probe.js';
import { startNginx } from './support/nginx.js';
import { openStream, type SseReader } from './support/sse-reader.js';
import { platforms, type Platform } from './support/start-app.js';

// Everything waits for its turn on a busy machine.
import.meta.jest.setTimeout(120_000);

/* What is compressed here goes through proxies as it is, and at once; and so it does over HTTP/2. */

const headers = {
  'content-type': 'text/event-stream',
  'content-encoding': 'gzip',
  vary: 'Accept-Encoding',
  'cache-control': expect.stringContaining('no-transform') as string,
};

it.each([
  ['nginx that compresses event streams', (port: number) => startNginx([port])],
  ['nginx that compresses nothing', (port: number) => startNginx([port], '60s', 'off')],
  ['HAProxy that compresses event streams', startHaproxy],
])('%s', async (_, startProxy) => {
  const audience = await CompressedAudience.start('express', 60_000);
  const port = await startProxy(audience.app.port);
  const origin = `http://127.0.0.1:${port}`;
  // Others share a context already.
  const early = await openGzip(audience.app.url(newsPath));
  await early.until(() => early.lastEventId !== '');
  await audience.publish();

  const reader = await openGzip(origin + newsPath);
  await reader.until(() => reader.lastEventId !== '');
  expect(reader.compressed.headers).toMatchObject(headers);
  const plain = await openStream(origin + newsPath, { headers: { 'accept-encoding': 'identity' } });
  expect(plain.response.headers['content-encoding']).toBeUndefined();
  const socket = wsHearer();
  await audience.admit(socket, origin);
  await reader.untilEvents(24);
  await plain.untilEvents(24);
  await audience.publish();
  for (const each of [reader, plain]) {
    await each.untilEvents(48);
    expect(each.data).toEqual(audience.texts.slice(24));
  }
  expect(reader.bytes).toBeLessThan(reader.body.length);
  expect(await socket.encoding()).toBe('permessage-deflate');
  const expected = audience.expected(socket);
  expect(await socket.heard(expected.length)).toEqual(expected);
  // Nothing is held back until there is more.
  for (let n = 1; n <= 3; n++) {
    await audience.publish(1);
    await Promise.all([reader.untilEvents(48 + n), plain.untilEvents(48 + n), socket.heard(24 + n)]);
  }
});

/** Over HTTP/2, with the session of a client that reads several streams. */
async function openHttp2Gzip(session: ClientHttp2Session, more: Record<string, string> = {}) {
  const stream = session.request({
    ':path': newsPath,
    accept: 'text/event-stream',
    'accept-encoding': 'gzip',
    ...more,
  });
  afterTest(() => stream.destroy());
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  // As far as a body goes, a stream is what a response of HTTP/1.1 is.
  return { head, reader: new GzipReader(stream as unknown as IncomingMessage) };
}

it('HTTP/2: streams of one session, WebSockets on streams, and a reader that comes back', async () => {
  const audience = await CompressedAudience.start('fastify over HTTP/2', 60_000);
  const { session } = await Http2Probe.connect(
    `http://127.0.0.1:${(audience.app.server.address() as AddressInfo).port}`,
  );
  afterTest(() => session.destroy());
  const early = await openHttp2Gzip(session);
  expect(early.head).toMatchObject(headers);
  await early.reader.until(() => early.reader.lastEventId !== '');
  const [one, two] = [wsHearer(), wsHearer()];
  await audience.admit(one);
  await audience.admit(two);
  const late = await openHttp2Gzip(session);
  await late.reader.until(() => late.reader.lastEventId !== '');
  await audience.publish();
  const leaver = early.reader;
  await leaver.untilEvents(72);
  expect(leaver.data).toEqual(audience.texts);
  expect(leaver.bytes).toBeLessThan(leaver.body.length);
  leaver.drop();
  await audience.publish();
  const back = await openHttp2Gzip(session, { 'last-event-id': leaver.lastEventId });
  await back.reader.untilEvents(24);
  await audience.publish();
  await back.reader.untilEvents(48);
  await late.reader.untilEvents(72);
  expect(back.reader.data).toEqual(audience.texts.slice(72));
  expect(late.reader.data).toEqual(audience.texts.slice(48));
  for (const socket of [one, two]) {
    expect(await socket.encoding()).toBe('permessage-deflate');
    const expected = audience.expected(socket);
    expect(await socket.heard(expected.length)).toEqual(expected);
  }
});

it.each(platforms)('a reader on %s that comes back with the id of its last event', async (platform) => {
  const audience = await CompressedAudience.start(platform);
  const first = await openGzip(audience.app.url(newsPath));
  const other = await openGzip(audience.app.url(newsPath));
  await first.until(() => first.lastEventId !== '');
  await other.until(() => other.lastEventId !== '');
  await audience.publish();
  await first.untilEvents(24);
  first.compressed.destroy();
  await audience.publish();
  const back = await openGzip(audience.app.url(newsPath), { 'last-event-id': first.lastEventId });
  await back.untilEvents(24);
  await audience.publish();
  await back.untilEvents(48);
  await other.untilEvents(72);
  expect([...first.data, ...back.data]).toEqual(audience.texts);
  expect(other.data).toEqual(audience.texts);
});

@Injectable()
class CountingInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(tap());
  }
}

it.each(platforms)(
  'beside a global interceptor on %s, streams of push itself are compressed',
  async (platform) => {
    const providers = [{ provide: APP_INTERCEPTOR, useClass: CountingInterceptor }];
    const audience = await CompressedAudience.start(platform, undefined, { providers });
    const readers = [await openGzip(audience.app.url(newsPath)), await openGzip(audience.app.url(newsPath))];
    for (const reader of readers) {
      expect(reader.compressed.headers).toMatchObject(headers);
      await reader.until(() => reader.lastEventId !== '');
    }
    await audience.publish(48);
    for (const reader of readers) {
      await reader.untilEvents(48);
      expect(reader.data).toEqual(audience.texts);
    }
  },
);

// Middleware that compresses writes what it gets, once. A plugin of Fastify never sees an event stream.
it.each<[string, Platform, (app: INestApplication) => unknown]>([
  ['compression', 'express', (nest) => nest.use(compression({ threshold: 0 }))],
  [
    '@fastify/compress',
    'fastify',
    (nest) => (nest as NestFastifyApplication).register(fastifyCompress as never, { threshold: 0 } as never),
  ],
])('beside %s on %s nothing is compressed twice', async (_, platform, configure) => {
  const audience = await CompressedAudience.start(platform, undefined, {}, configure);
  const url = audience.app.url(newsPath);
  const open = () =>
    platform === 'fastify' ? openGzip(url) : openStream(url, { headers: { 'accept-encoding': 'gzip' } });
  const readers: SseReader[] = [await open(), await open()];
  for (const reader of readers) await reader.until(() => reader.lastEventId !== '');
  await audience.publish();
  for (const reader of readers) {
    await reader.untilEvents(24);
    expect(reader.data).toEqual(audience.texts);
  }
});
