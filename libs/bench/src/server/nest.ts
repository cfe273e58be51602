import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';
import 'reflect-metadata';

/** A Nest application on either platform, initialized and not yet listening. */
export async function nestApplication(
  module: Type,
  platform: 'express' | 'fastify',
  configure?: (app: INestApplication) => void,
): Promise<INestApplication<Server>> {
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create<INestApplication<Server>>(module, adapter, {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  configure?.(app);
  await app.init();
  if (platform === 'fastify') await (adapter as FastifyAdapter).getInstance().ready();
  return app;
}
