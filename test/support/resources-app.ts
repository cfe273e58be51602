import type { AddressInfo } from 'node:net';
import {
  Module,
  type DynamicModule,
  type INestApplication,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { PushModule, ResourcePusher, type ResourceOptions } from 'nestjs-push';
import { createCertificate } from '../../src/certificate.js';

@Module({})
class ResourcesApp {
  static with(controllers: Type[], http2: ResourceOptions = {}): DynamicModule {
    return { module: ResourcesApp, controllers, imports: [PushModule.forRoot({ transports: [], http2 })] };
  }
}

/** Keeps what the application logged as a warning, or worse. */
export class WarningLog implements LoggerService {
  readonly warnings: string[] = [];
  log(): void {}
  warn(message: unknown): void {
    this.warnings.push(String(message));
  }
  error(message: unknown): void {
    this.warnings.push(String(message));
  }
  fatal(message: unknown): void {
    this.warnings.push(String(message));
  }
}

/** An application that listens, and what a test wants to know of it. */
export interface RunningApp<App extends INestApplication = INestApplication> {
  readonly app: App;
  readonly port: number;
  readonly pusher: ResourcePusher;
  readonly log: WarningLog;
}

/** What a test may choose. */
export interface ResourcesAppOptions {
  readonly controllers: Type[];
  readonly http2?: ResourceOptions;
  readonly protocol?: 'h2' | 'h2c' | 'http/1.1';
}

/** Fastify, by default with TLS, HTTP/2 and HTTP/1.1 on one port. */
export async function startFastify(
  options: ResourcesAppOptions,
): Promise<RunningApp<NestFastifyApplication>> {
  const { protocol = 'h2' } = options;
  const adapter =
    protocol === 'h2'
      ? new FastifyAdapter({ http2: true, https: { ...(await createCertificate()), allowHTTP1: true } })
      : protocol === 'h2c'
        ? new FastifyAdapter({ http2: true })
        : new FastifyAdapter();
  const log = new WarningLog();
  const app = await NestFactory.create<NestFastifyApplication>(
    ResourcesApp.with(options.controllers, options.http2),
    adapter,
    { logger: log, abortOnError: false },
  );
  return listen(app, log);
}

/** Express over HTTP/1.1, the only protocol it has. */
export async function startExpress(options: ResourcesAppOptions): Promise<RunningApp> {
  const log = new WarningLog();
  const app = await NestFactory.create(ResourcesApp.with(options.controllers, options.http2), {
    logger: log,
    abortOnError: false,
  });
  return listen(app, log);
}

async function listen<App extends INestApplication>(app: App, log: WarningLog): Promise<RunningApp<App>> {
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, port, pusher: app.get(ResourcePusher), log };
}
