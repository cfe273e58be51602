import type { INestApplication, Provider } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import { startApp, type Platform, type RunningApp } from './start-app.js';
import { openWs, WsClient } from './ws-client.js';

/** What everybody may read. */
const topics = [
  { pattern: 'a.>', access: 'public' as const },
  { pattern: 'b.*', access: 'public' as const },
];

/** An application where everybody may read `a.>` and `b.*`, and what else it has. */
export function startOpen(
  platform: Platform,
  options: PushOptions = {},
  providers: Provider[] = [],
  configure?: (app: INestApplication) => unknown,
): Promise<RunningApp> {
  const imports = [PushModule.forRoot({ topics, ...options })];
  return startApp(platform, { imports, providers }, configure);
}

/** A client whose subscription to `a.1` was taken. */
export async function works(url: string): Promise<WsClient> {
  const client = await openWs(url);
  expect(await client.subscribe('a.1')).toMatchObject({ event: 'subscribed' });
  return client;
}
