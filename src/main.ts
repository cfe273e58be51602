import 'reflect-metadata';
import type { LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { fileURLToPath } from 'node:url';
import { AppModule } from './app.module.js';
import { Login } from './dashboard/login.js';
import { adapterFor, protocolOf, type Protocol } from './protocol.js';

const logLevels: LogLevel[] = ['warn', 'error', 'fatal'];

async function createApp(protocol: Protocol): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, await adapterFor(protocol), {
    logger: logLevels,
  });
  // On Ctrl-C and SIGTERM the server tells every page to reconnect before the process ends.
  app.enableShutdownHooks();
  app.useStaticAssets({
    root: new URL('page/public/', import.meta.url),
    index: false,
    wildcard: false,
    // The controller serves the pages themselves, with their headers.
    allowedPath: (path) => !path.endsWith('.html'),
  });
  // The page's client: the plain modules that the package ships.
  app.useStaticAssets({
    root: fileURLToPath(new URL('.', import.meta.resolve('nestjs-push-client'))),
    prefix: '/client/',
    decorateReply: false,
    wildcard: false,
    allowedPath: (path) => path.endsWith('.js'),
  });
  return app;
}

/**
 * `PORT` (default 3000; 0 for a free one) and `HOST` (default localhost; 0.0.0.0 opens the desk to the network); `REDIS_URL` for
 * several processes (see the module); `DASHBOARD_PASSWORD` instead of one that is made for this start.
 */
async function start(): Promise<void> {
  const { PORT: port = '3000', HOST: host = 'localhost' } = process.env;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    return refuse(`PORT=${port} is no port. Give a number from 0 to 65535.`);
  }
  const protocol = protocolOf(process.argv.slice(2));
  if (!protocol) return refuse('Usage: node dist/main.js [--h2 | --h2c]');
  const app = await createApp(protocol);
  await app.init();
  // `explain` describes a failure better than the log of Nest.
  app.useLogger(false);
  try {
    await app.listen(port, host);
  } catch (error) {
    return refuse(explain(error, port, host));
  }
  app.useLogger(logLevels);
  const { port: bound } = app.getHttpServer().address() as { port: number };
  const scheme = protocol === 'h2' ? 'https' : 'http';
  const url = `${scheme}://${host === '0.0.0.0' ? 'localhost' : host}:${bound}`;
  console.log(`The live desk is at ${url}`);
  console.log(`Its dashboard is at ${url}/push/dashboard (${app.get(Login, { strict: false }).describe()})`);
  if (protocol === 'h2')
    console.log('Its certificate was made for this start: your browser will ask about it once.');
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
