import { Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { EventBus } from 'nestjs-push';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterTest } from './cleanup.js';

export type Platform = 'express' | 'fastify';

export const platforms: readonly Platform[] = ['express', 'fastify'];

/** A Nest application on a port of its own, with what tests need of it. */
export class RunningApp {
  /** Open sockets of its server, upgraded ones too. */
  readonly sockets = new Set<Socket>();

  constructor(readonly nest: INestApplication) {
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get server(): Server {
    return this.nest.getHttpServer() as Server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get bus(): EventBus {
    return this.nest.get(EventBus);
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  webSocketUrl(path = '/push'): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** Cuts every connection, as a network does. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await this.nest.close();
  }
}

/** An application that is not initialized yet: `configure` is what its main.ts would do. */
export async function createApp(
  platform: Platform,
  metadata: ModuleMetadata,
  configure: (app: INestApplication) => unknown = () => undefined,
): Promise<INestApplication> {
  @Module(metadata)
  class Root {}
  const options = { logger: false, abortOnError: false } as const;
  const app =
    platform === 'express'
      ? await NestFactory.create(Root, options)
      : await NestFactory.create(Root, new FastifyAdapter(), options);
  await configure(app);
  return app;
}

/** Starts an application on a free port; it is closed after the test. */
export async function startApp(...create: Parameters<typeof createApp>): Promise<RunningApp> {
  const running = new RunningApp(await createApp(...create));
  afterTest(() => running.close());
  await running.nest.listen(0, '127.0.0.1');
  return running;
}
