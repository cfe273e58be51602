import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventBus, PushModule } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from '../remote.js';
import { postgresUrl } from './postgres-server.js';
import { rawLog } from './raw.js';
import type { RawLog } from './raw-log.js';
import type { Kind } from './server.js';

/*
 * A process that appends to a log: as a node of an application, or with the server's own client. The parent says what.
 */

/** How many appends are awaited side by side. */
const concurrent = 256;

const padding = 'x'.repeat(100);
let bus: EventBus | undefined;
let raw: RawLog | undefined;

/** Milliseconds on a clock that all processes of the machine share. */
const now = () => performance.timeOrigin + performance.now();

function append(data: unknown, n: number): Promise<unknown> {
  return raw ? raw.append(JSON.stringify(data)) : bus!.publish(`bench.${n % 10}`, data);
}

answer({
  /** Becomes a node. Returns the port of its application. */
  start: async ({ kind, port, state }: { kind: Kind; port: number; state?: boolean }) => {
    const backplane = {
      redis: () => redisBackplane({ url: `redis://127.0.0.1:${port}`, feedLength: 500_000 }),
      nats: () => natsBackplane({ servers: `127.0.0.1:${port}`, perTopic: 500_000 }),
      postgres: () => postgresBackplane({ url: postgresUrl(port) }),
    }[kind]();
    class Root {}
    Module({
      imports: [PushModule.forRoot({ backplane, topics: [{ pattern: '>', access: 'public', state }] })],
    })(Root);
    const app: INestApplication = await NestFactory.create(Root, { logger: ['error'] });
    await app.listen(0, '127.0.0.1');
    bus = app.get(EventBus);
    while (!(await backplane.health()).ready);
    return (app.getHttpServer() as { address(): AddressInfo }).address().port;
  },

  /** Becomes a user of the server's own client. */
  startRaw: async ({ kind, port }: { kind: Kind; port: number }) => {
    raw = await rawLog(kind, port);
  },

  /** Becomes the least that could stand between the log and clients: what it reads, it writes to all. Returns its port. */
  startRelay: async ({ kind, port }: { kind: Kind; port: number }) => {
    const clients = new Set<ServerResponse>();
    const server = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      clients.add(response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const log = await rawLog(kind, port);
    await log.follow((data) => clients.forEach((client) => client.write(`data: ${data}\n\n`)));
    return (server.address() as AddressInfo).port;
  },

  /** Appends for so many milliseconds, `concurrent` awaited side by side. Returns appends a second. */
  saturate: async (milliseconds: number) => {
    const began = performance.now();
    let count = 0;
    const work = async () => {
      while (performance.now() - began < milliseconds) {
        await append({ at: 0, padding }, count);
        count++;
      }
    };
    await Promise.all(Array.from({ length: concurrent }, work));
    return (count / (performance.now() - began)) * 1_000;
  },

  /** Appends `count` events as fast as it goes. */
  flood: async (count: number) => {
    for (let n = 0; n < count; n += 5_000) {
      await Promise.all(
        Array.from({ length: 5_000 }, (_, index) => append({ n: n + index, padding }, n + index)),
      );
    }
  },

  /** Appends an event to each of `count` topics. */
  fill: (count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => bus!.publish(`fill.${n}`, { n, padding }))),

  /** Appends at an even pace for so many milliseconds; each says when it was appended. */
  pace: async ({ perSecond, milliseconds }: { perSecond: number; milliseconds: number }) => {
    const began = performance.now();
    for (let n = 0; performance.now() - began < milliseconds;) {
      for (const due = ((performance.now() - began) * perSecond) / 1_000; n < due; n++)
        void append({ at: now(), padding }, n);
      await delay(1);
    }
  },

  /** The sequence of the newest event that this node has. */
  head: () => Number(bus!.stats().positions.head.split('-')[1]),
});
