/*
 * The application under attack, in a process of its own. Says "port <n>" once it listens, and answers each line on its
 * standard input with a line.
 *
 * node --expose-gc target.mjs '{"push":{…},"redis":6379,"tls":{"key","cert"}}'
 *
 * Whoever names itself by a token is that user, and may publish to the topics below chat; everybody may read news and chat.
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { anonymous, Authenticator, EventBus, PushModule, PushTopic } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { createInterface } from 'node:readline';
import { getHeapCodeStatistics } from 'node:v8';
import { EventLoop } from './event-loop.mjs';

const { push = {}, redis, tls } = JSON.parse(process.argv[2] ?? '{}');

class NameAuthenticator extends Authenticator {
  authenticate({ token }) {
    return token ? { id: token } : anonymous;
  }
}

class ChatPolicy {
  canPublish() {
    return true;
  }
}
PushTopic('chat.>')(ChatPolicy);

class TargetModule {}
const options = {
  topics: [
    { pattern: 'news.>', access: 'public' },
    { pattern: 'chat.>', access: 'public' },
  ],
  authenticate: NameAuthenticator,
  backplane: redis && redisBackplane({ url: `redis://127.0.0.1:${redis}` }),
  ...push,
};
Module({ imports: [PushModule.forRoot(options)], providers: [ChatPolicy] })(TargetModule);

const adapter = tls ? [new FastifyAdapter({ http2: true, https: { ...tls, allowHTTP1: true } })] : [];
const app = await NestFactory.create(TargetModule, ...adapter, { logger: ['error'] });
await app.listen({ port: 0, host: '127.0.0.1' });
const bus = app.get(EventBus);
const loop = new EventLoop();

let ticking;
let ticks = 0;
let mostMemory = 0;

const commands = {
  /** Publishes a number to news.tick a hundred times a second, and begins to measure. */
  begin: () => {
    ticks = 0;
    mostMemory = process.memoryUsage.rss();
    loop.begin();
    ticking = setInterval(() => {
      void bus.publish('news.tick', ++ticks);
      mostMemory = Math.max(mostMemory, process.memoryUsage.rss());
    }, 10);
    return {};
  },
  /** Stops both. */
  end: () => {
    clearInterval(ticking);
    return { ticks, mostMemory, ...loop.end() };
  },
  /** Publishes to `topics` topics in turn. Returns the first id and the last. */
  publish: async ({ topic, count = 1, topics = 1, suffix = '', size = 0 }) => {
    const padding = size > 0 ? 'x'.repeat(size) : undefined;
    let first;
    let last;
    for (let n = 0; n < count; n++) {
      last = await bus.publish(topics > 1 ? `${topic}.${n % topics}${suffix}` : topic, padding ?? n % 10);
      first ??= last;
    }
    return { first, last };
  },
  stats: () => bus.stats(),
  /** What the process has used so far, in milliseconds. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return { milliseconds: (user + system) / 1_000 };
  },
  /** What is held when everything that can go is gone, without the code that V8 has compiled. */
  memory: () =>
    loop.apart(() => {
      globalThis.gc();
      globalThis.gc();
      const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
      const code = getHeapCodeStatistics();
      const codeUsed = code.code_and_metadata_size + code.bytecode_and_metadata_size;
      return { heap: heapUsed - codeUsed, buffers: arrayBuffers, rss };
    }),
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { command, ...rest } = JSON.parse(line);
  process.stdout.write(`answer ${JSON.stringify(await commands[command](rest))}\n`);
});
process.stdin.on('end', () => process.exit(0));
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
