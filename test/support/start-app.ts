import { Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { EventBus } from 'nestjs-push';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { createCertificate } from '../../src/certificate.js';
import { afterTest } from './cleanup.js';
import { holdingsOf } from './holdings.js';
import { Http2Tunnel } from './http2-tunnel.js';

export type Platform = 'express' | 'fastify' | 'fastify over HTTP/2' | 'fastify with TLS';

export const platforms: readonly Platform[] = ['express', 'fastify'];

/** The last one speaks nothing but HTTP/2: clients of HTTP/1.1 reach it through a tunnel. */
export const platformsWithHttp2: readonly Platform[] = [...platforms, 'fastify over HTTP/2'];

/** How long an application may take to let go of clients that are gone, in milliseconds. */
const patience = 40_000;

/** A Nest application on a port of its own, with what tests need of it. */
export class RunningApp {
  /** Open sockets of its server, upgraded ones too. */
  readonly sockets = new Set<Socket>();

  /** Through which clients of HTTP/1.1 reach it, where it does not speak that. */
  private tunnel: Http2Tunnel | undefined;
  private shutdown: Promise<void> | undefined;

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
    return this.tunnel?.port ?? (this.server.address() as AddressInfo).port;
  }

  get bus(): EventBus {
    return this.nest.get(EventBus);
  }

  url(path: string): string {
    const scheme = this.server instanceof TlsServer ? 'https' : 'http';
    return `${scheme}://127.0.0.1:${this.port}${path}`;
  }

  webSocketUrl(path = '/push'): string {
    return this.url(path).replace(/^http/, 'ws');
  }

  async digTunnel(): Promise<void> {
    this.tunnel = await Http2Tunnel.start(this.url(''));
  }

  /** Cuts every connection, as a network does. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Nothing of what clients had may be left, once they are gone. */
  async close(): Promise<void> {
    this.cut();
    await this.tunnel?.close();
    await this.holdsNothing();
    await this.shutDown();
  }

  /** Shuts the application down, once: the GraphQL module of Nest 11 cannot be closed twice. */
  shutDown(): Promise<void> {
    return (this.shutdown ??= this.nest.close());
  }

  /** Resolves once the application holds nothing for clients any more; rejects with what it still holds. */
  private async holdsNothing(): Promise<void> {
    const end = performance.now() + patience;
    while (Object.keys(holdingsOf(this.nest)).length > 0) {
      if (performance.now() > end)
        throw new Error(`Its clients are gone, and it still holds ${JSON.stringify(holdingsOf(this.nest))}.`);
      // A client that comes back by itself may have connected again.
      this.cut();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
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
  const adapter = await fastifyFor(platform);
  const app = adapter
    ? await NestFactory.create(Root, adapter, options)
    : await NestFactory.create(Root, options);
  await configure(app);
  return app;
}

async function fastifyFor(platform: Platform) {
  switch (platform) {
    case 'express':
      return undefined;
    case 'fastify':
      return new FastifyAdapter();
    case 'fastify over HTTP/2':
      return new FastifyAdapter({ http2: true });
    case 'fastify with TLS':
      return new FastifyAdapter({ http2: true, https: { ...(await createCertificate()), allowHTTP1: true } });
  }
}

/** Starts an application on a free port; it is closed after the test. */
export async function startApp(...create: Parameters<typeof createApp>): Promise<RunningApp> {
  const running = new RunningApp(await createApp(...create));
  afterTest(() => running.close());
  await running.nest.listen(0, '127.0.0.1');
  if (create[0] === 'fastify over HTTP/2') await running.digTunnel();
  return running;
}
