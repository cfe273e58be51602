/*
 * A Nest application of its own in a process of its own, for what must not share a process with the test: signals, storms,
 * a network that goes away. Says "port <n>" once it listens, and answers each line on its standard input with a line.
 *
 * node news-server.mjs '{"platform":"express","push":{…},"secret":"…","redis":6379,"signals":false}'
 *
 * With a secret, tokens that are signed with it let in who they name; without a token, everybody is anonymous. Who is
 * somebody may publish to rooms, and read the room of its name.
 */
import 'reflect-metadata';
import { Module, UnauthorizedException } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { JwtService } from '@nestjs/jwt';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import {
  anonymous,
  Authenticator,
  EventBus,
  HttpOnly,
  PushModule,
  PushTickets,
  PushTopic,
} from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';

const {
  platform = 'express',
  push = {},
  secret,
  tls,
  redis,
  signals = true,
  requestsPerMinute: limit,
  port: listen = 0,
} = JSON.parse(process.argv[2] ?? '{}');
const adapters = {
  express: () => [],
  fastify: () => [new FastifyAdapter()],
  h2: () => [new FastifyAdapter({ http2: true, ...(tls && { https: { ...tls, allowHTTP1: true } }) })],
};

class JwtAuthenticator extends Authenticator {
  jwt = new JwtService({ secret });

  async authenticate({ token }) {
    if (!token) return anonymous;
    const { sub, exp } = await this.jwt.verifyAsync(token).catch(() => {
      throw new UnauthorizedException('The token is not valid.');
    });
    return { id: sub, expiresAt: exp * 1000 };
  }
}

class RoomsPolicy {
  canSubscribe({ id }, { room }) {
    return room === id;
  }

  canPublish() {
    return true;
  }
}
PushTopic('rooms.:room')(RoomsPolicy);

class NewsModule {}
const options = {
  topics: [{ pattern: 'news.>', access: 'public' }],
  authenticate: secret && JwtAuthenticator,
  backplane: redis && redisBackplane({ url: `redis://127.0.0.1:${redis}` }),
  ...push,
};
const throttler = limit ? [ThrottlerModule.forRoot([{ ttl: 60_000, limit }])] : [];
const guards = limit ? [{ provide: APP_GUARD, useClass: HttpOnly(ThrottlerGuard) }] : [];
Module({ imports: [PushModule.forRoot(options), ...throttler], providers: [RoomsPolicy, ...guards] })(
  NewsModule,
);

const app = await NestFactory.create(NewsModule, ...adapters[platform](), { logger: ['error', 'warn'] });
if (signals) app.enableShutdownHooks();
// A longer queue than Node's 511: in a storm, what does not fit into it waits for TCP to try again, seconds later.
// A page, for browsers: what it does, the test says.
const page = (_, response) => {
  const adapter = app.getHttpAdapter();
  adapter.setHeader(response, 'content-type', 'text/html');
  adapter.reply(response, '<!doctype html><link rel="icon" href="data:,">', 200);
};
app.getHttpAdapter().get('/', page);
await app.listen({ port: listen, host: '127.0.0.1', backlog: 4_096 });
const bus = app.get(EventBus);
const { port } = app.getHttpServer().address();

let longestBlock = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  longestBlock = Math.max(longestBlock, now - last - 5);
  last = now;
}, 5).unref();

let ticking;
let ticks = 0;
let mostMemory = 0;

/** Publishes numbered events at an even rate, whatever a single one takes, until it is stopped. */
class Ticker {
  count = 0;
  #isOver = false;
  #done;

  start(topic, perSecond) {
    this.#done = this.#run(topic, perSecond);
  }

  async stop() {
    this.#isOver = true;
    await this.#done;
  }

  async #run(topic, perSecond) {
    const began = performance.now();
    while (!this.#isOver) {
      const due = ((performance.now() - began) * perSecond) / 1_000;
      while (this.count < due && !this.#isOver) await bus.publish(topic, { n: this.count++ });
      await setTimeout(1);
    }
  }
}

const ticker = new Ticker();

const path = '/push/events?topic=news.a';

/** A client over each transport, and the event that says that it is served. */
function overTcp() {
  const stream = connect(port, '127.0.0.1');
  stream.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return [
    [stream, 'data'],
    [new WebSocket(`ws://127.0.0.1:${port}/push`), 'message'],
  ];
}

function overTls() {
  const insecure = { rejectUnauthorized: false };
  const stream = connectTls(port, '127.0.0.1', insecure);
  stream.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const session = connectHttp2(`https://127.0.0.1:${port}`, insecure).on('error', () => undefined);
  return [
    [stream, 'data'],
    [new WebSocket(`wss://127.0.0.1:${port}/push`, insecure), 'message'],
    [session.request({ ':path': path }), 'data'],
  ];
}

const commands = {
  /** Publishes `perSecond` numbered events until it is told to stop; `fed` says how many there were so far. */
  feed: ({ topic, perSecond }) => {
    ticker.start(topic, perSecond);
    return {};
  },
  fed: () => ({ count: ticker.count }),
  /** Answers with how many events there were. */
  endFeed: async () => {
    await ticker.stop();
    return { count: ticker.count };
  },
  /** Publishes to news.tick, again and again, and watches the memory meanwhile. */
  tick: () => {
    clearInterval(ticking);
    ticks = 0;
    mostMemory = process.memoryUsage.rss();
    ticking = setInterval(() => {
      void bus.publish('news.tick', ++ticks);
      mostMemory = Math.max(mostMemory, process.memoryUsage.rss());
    }, 10);
    return { rss: mostMemory };
  },
  untick: () => {
    clearInterval(ticking);
    return { ticks, mostMemory };
  },
  /** What is left when everything that can go is gone. */
  heap: () => {
    globalThis.gc();
    return { used: process.memoryUsage().heapUsed, external: process.memoryUsage().external };
  },
  ticket: async ({ principal, options }) => ({
    ticket: await app.get(PushTickets).issue(principal, options),
  }),
  /** Whether somebody has reached the prototype of all objects. */
  polluted: () => ({ keys: Object.keys(Object.prototype), isAdmin: {}.isAdmin ?? null }),
  say: async ({ topic, data }) => ({ id: await bus.publish(topic, data) }),
  publish: async ({ topic, count, size = 0 }) => {
    const padding = 'x'.repeat(size);
    for (let n = 0; n < count; n++) await bus.publish(topic, { n, padding });
    return {};
  },
  /** `longestBlock`: for how many milliseconds nobody else had a turn, at most, since it was asked for last. */
  stats: () => {
    const stats = { ...bus.stats(), rss: process.memoryUsage().rss, longestBlock };
    longestBlock = 0;
    return stats;
  },
  /** Connects a client over each transport, takes the network away, and waits until the server has noticed. */
  vanish: async () => {
    const clients = tls ? overTls() : overTcp();
    await Promise.all(
      clients.map(([client, event]) =>
        once(
          client.on('error', () => undefined),
          event,
        ),
      ),
    );
    const before = bus.stats().connections;
    execFileSync('ip', ['link', 'set', 'lo', 'down']);
    const began = performance.now();
    while (bus.stats().connections > 0 && performance.now() - began < 30_000) await setTimeout(20);
    return { before, after: bus.stats().connections, milliseconds: performance.now() - began };
  },
  close: async () => {
    const began = performance.now();
    await app.close();
    const milliseconds = performance.now() - began;
    await ticker.stop();
    // Nothing but its own input would keep the process now.
    setImmediate(() => process.stdin.destroy());
    return { milliseconds };
  },
};

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { command, ...options } = JSON.parse(line);
  process.stdout.write(`answer ${JSON.stringify(await commands[command](options))}\n`);
});
process.stdout.write(`port ${port}\n`);
