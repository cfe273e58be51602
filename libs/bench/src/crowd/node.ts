import { Controller, Inject, Module, Param, Sse } from '@nestjs/common';
import { EventBus, PushModule, topic } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { microseconds } from '../event.js';
import { answer } from '../remote.js';
import { nestApplication } from '../server/nest.js';

/* A server process of the crowd: a node of an application, or the least that could hold as many connections. */

/** What a server process is started with. */
export interface NodeOptions {
  readonly way: 'push' | 'bare';
  /** The port of Redis. */
  readonly redis: number;
  /** The port to listen on; 0 for any. */
  readonly port: number;
  /** The most connections that it takes. */
  readonly connections: number;
}

/** What the process uses. */
export interface NodeUsage {
  /** CPU time so far, in microseconds. */
  readonly cpu: number;
  /** Resident set in bytes. */
  readonly rss: number;
}

@Controller()
class Rooms {
  constructor(@Inject(EventBus) private readonly bus: EventBus) {}

  @Sse('rooms/:room')
  watch(@Param('room') room: string) {
    return this.bus.stream(topic`rooms.${room}`);
  }
}

const boundless = { perSecond: Infinity, burst: Infinity };
let bus: EventBus | undefined;
let isPublishing = false;

async function push({ redis, connections }: NodeOptions): Promise<Server> {
  const backplane = redisBackplane({ url: `redis://127.0.0.1:${redis}` });
  class Root {}
  Module({
    imports: [
      PushModule.forRoot({
        backplane,
        topics: [{ pattern: 'rooms.*', access: 'public' }],
        // Few addresses have all the clients.
        limits: { connections, connectionsPerAddress: 1_000_000, work: boundless, subscribe: boundless },
      }),
    ],
    controllers: [Rooms],
  })(Root);
  const app = await nestApplication(Root, 'fastify');
  bus = app.get(EventBus);
  while (!(await backplane.health()).ready);
  return app.getHttpServer();
}

/** Answers with the head of an event stream, and keeps the connection. */
function bare(): Server {
  return createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.write('retry: 100\nid: 0-0\n\n');
  });
}

function usage(): NodeUsage {
  const { user, system } = process.cpuUsage();
  return { cpu: user + system, rss: process.memoryUsage.rss() };
}

answer({
  /** Returns the port. */
  start: async (options: NodeOptions) => {
    const server = options.way === 'push' ? await push(options) : bare();
    await once(server.listen(options.port, '127.0.0.1', 4_096), 'listening');
    return (server.address() as AddressInfo).port;
  },

  usage,

  /** What is left after a garbage collection. */
  settled: async () => {
    for (let round = 0; round < 2; round++) {
      globalThis.gc!();
      await delay(250);
    }
    return usage();
  },

  /** Publishes to all rooms in turn, at an even pace, until `stop`. Returns how many events each room got. */
  publish: async ({ rooms, perSecond }: { rooms: number; perSecond: number }) => {
    isPublishing = true;
    const began = performance.now();
    let count = 0;
    // Each room gets as many as the others.
    while (isPublishing || count % rooms > 0) {
      const early = (count * 1_000) / perSecond - (performance.now() - began);
      if (early > 0) await delay(early);
      const data = { n: Math.floor(count / rooms), at: microseconds() };
      await bus!.publish(`rooms.${count % rooms}`, data);
      count++;
    }
    return count / rooms;
  },

  stop: () => {
    isPublishing = false;
  },
});
