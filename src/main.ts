import 'reflect-metadata';
import type { LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';

const logLevels: LogLevel[] = ['warn', 'error', 'fatal'];

/** Fastify answers 404 when a route parameter is longer than this; a topic that is too long deserves its reason. */
const maxParamLength = 4_096;

async function createApp(): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ routerOptions: { maxParamLength } });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter, {
    logger: logLevels,
  });
  // Ctrl-C and SIGTERM: every page is told to come back before the process ends.
  app.enableShutdownHooks();
  app.useStaticAssets({
    root: new URL('page/public/', import.meta.url),
    index: false,
    wildcard: false,
    // The page itself comes from its controller, with its headers.
    allowedPath: (path) => path !== '/index.html',
  });
  return app;
}

/** `PORT` (default 3000; 0 for a free one) and `HOST` (default localhost; 0.0.0.0 opens the desk to the network). */
async function start(): Promise<void> {
  const { PORT: port = '3000', HOST: host = 'localhost' } = process.env;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    return refuse(`PORT=${port} is no port. Give a number from 0 to 65535.`);
  }
  const app = await createApp();
  await app.init();
  // Nest would print what we say better.
  app.useLogger(false);
  try {
    await app.listen(port, host);
  } catch (error) {
    return refuse(explain(error, port, host));
  }
  app.useLogger(logLevels);
  const { port: bound } = app.getHttpServer().address() as { port: number };
  console.log(`The live desk is at http://${host === '0.0.0.0' ? 'localhost' : host}:${bound}`);
}

function explain(error: unknown, port: string, host: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `Port ${port} is taken. Stop the program that has it, or choose another: PORT=3001 npm start`;
  if (code === 'EACCES')
    return `Port ${port} is reserved for the administrator. Choose one from 1024 on: PORT=3001 npm start`;
  return `Cannot listen on ${host}:${port}: ${message}`;
}

function refuse(reason: string): never {
  console.error(reason);
  process.exit(1);
}

await start();
