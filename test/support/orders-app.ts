import type { INestApplication } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import type { RequestOptions } from 'node:http';
import { DeclaredController, OrdersController } from './orders.js';
import { openSse } from './sse-reader.js';
import { startApp, type RunningApp, type Platform } from './start-app.js';

/** What everybody may read through the module's own route. */
export const topics = [
  { pattern: 'public.>', access: 'public' as const },
  { pattern: 'notes', access: 'public' as const },
];

/** An application with event streams of all kinds, and with the module's own route. */
export function startOrders(
  platform: Platform,
  options: PushOptions = {},
  configure?: (app: INestApplication) => unknown,
): Promise<RunningApp> {
  const metadata = {
    imports: [PushModule.forRoot({ topics, ...options })],
    controllers: [OrdersController, DeclaredController],
  };
  return startApp(platform, metadata, configure);
}

/** What an ordinary request to `path` gets. */
export async function answer(
  app: RunningApp,
  path: string,
  options: RequestOptions & { body?: string } = {},
) {
  const reader = await openSse(app.url(path), options);
  const body = await reader.untilEnd();
  const { headers } = reader.response;
  return { status: reader.status, type: headers['content-type'], body };
}

/** What a request to `path` gets that is answered with JSON. */
export async function json(...ask: Parameters<typeof answer>) {
  const { status, type, body } = await answer(...ask);
  expect(type).toMatch(/^application\/json/);
  return { status, body: JSON.parse(body) as Record<string, unknown> };
}
