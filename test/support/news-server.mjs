/*
 * A Nest application of its own in a process of its own, for what must not share a process with the test: signals, storms,
 * a network that goes away. Says "port <n>" once it listens, and answers each line on its standard input with a line.
 *
 * node news-server.mjs '{"platform":"express","push":{…}}'
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { EventBus, PushModule } from 'nestjs-push';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';

const { platform = 'express', push = {} } = JSON.parse(process.argv[2] ?? '{}');
const adapters = {
  express: () => [],
  fastify: () => [new FastifyAdapter()],
  h2: () => [new FastifyAdapter({ http2: true })],
};

class NewsModule {}
Module({ imports: [PushModule.forRoot({ topics: [{ pattern: 'news.>', access: 'public' }], ...push })] })(
  NewsModule,
);

const app = await NestFactory.create(NewsModule, ...adapters[platform](), { logger: ['error', 'warn'] });
app.enableShutdownHooks();
// A longer queue than Node's 511: in a storm, what does not fit into it waits for TCP to try again, seconds later.
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
const bus = app.get(EventBus);

let longestBlock = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  longestBlock = Math.max(longestBlock, now - last - 5);
  last = now;
}, 5).unref();

const commands = {
  publish: async ({ topic, count, size = 0 }) => {
    const padding = 'x'.repeat(size);
    for (let n = 0; n < count; n++) await bus.publish(topic, { n, padding });
    return {};
  },
  stats: () => ({ ...bus.stats(), rss: process.memoryUsage().rss, longestBlock }),
  /** Connects a client over each transport, takes the network away, and waits until the server has noticed. */
  vanish: async () => {
    const { port } = app.getHttpServer().address();
    const stream = connect(port, '127.0.0.1').on('error', () => undefined);
    stream.write('GET /push/events?topic=news.a HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/push`).on('error', () => undefined);
    await Promise.all([once(stream, 'data'), once(socket, 'message')]);
    const before = bus.stats().connections;
    execFileSync('ip', ['link', 'set', 'lo', 'down']);
    const began = performance.now();
    while (bus.stats().connections > 0 && performance.now() - began < 10_000) await setTimeout(20);
    return { before, after: bus.stats().connections, milliseconds: performance.now() - began };
  },
  close: async () => {
    const began = performance.now();
    await app.close();
    // Nothing but its own input would keep the process now.
    setImmediate(() => process.stdin.destroy());
    return { milliseconds: performance.now() - began };
  },
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { command, ...options } = JSON.parse(line);
  process.stdout.write(`answer ${JSON.stringify(await commands[command](options))}\n`);
});
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
