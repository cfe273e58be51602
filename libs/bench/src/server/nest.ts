import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';
import 'reflect-metadata';
import type { Carrier } from '../carrier.js';
import { certificate } from './certificate.js';

/** A Nest application on either platform, initialized and not yet listening. */
export async function nestApplication(
  module: Type,
  platform: 'express' | 'fastify',
  { carrier, configure }: { carrier?: Carrier; configure?: (app: INestApplication) => void } = {},
): Promise<INestApplication<Server>> {
  const adapter = platform === 'express' ? new ExpressAdapter() : await fastify(carrier);
  const app = await NestFactory.create<INestApplication<Server>>(module, adapter, {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  configure?.(app);
  await app.init();
  if (platform === 'fastify') await (adapter as FastifyAdapter).getInstance().ready();
  return app;
}

async function fastify(carrier: Carrier | undefined): Promise<FastifyAdapter> {
  if (carrier === undefined) return new FastifyAdapter();
  if (carrier === 'h2c') return new FastifyAdapter({ http2: true });
  const https = await certificate();
  return carrier === 'h2' ? new FastifyAdapter({ http2: true, https }) : new FastifyAdapter({ https });
}
