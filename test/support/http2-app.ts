import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { PushModule, type PushModuleExtras, type PushOptions } from 'nestjs-push';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { afterTest } from './cleanup.js';
import { Http2Probe } from './http2-probe.js';
import { startApp, type RunningApp } from './start-app.js';
import { eventually } from './watched.js';

const topics = [{ pattern: 'a.>', access: 'public' as const }];

/** HTTP/2 and HTTP/1.1 with TLS on one port; everybody reads `a.>`. */
export function start(
  options: PushOptions & PushModuleExtras = {},
  { providers }: ModuleMetadata = {},
  configure?: (app: INestApplication) => unknown,
): Promise<RunningApp> {
  const module = { imports: [PushModule.forRoot({ topics, ...options })], providers };
  return startApp('fastify with TLS', module, configure);
}

/** A session of HTTP/2, which is destroyed after the test. */
export async function openSession(app: RunningApp): Promise<ClientHttp2Session> {
  const { session } = await Http2Probe.connect(app.url(''));
  afterTest(() => session.destroy());
  return session;
}

/** The RST_STREAM code with which a stream ended; 0 if it ended as it should. */
export async function ending(stream: ClientHttp2Stream): Promise<number | undefined> {
  if (!stream.closed) await once(stream, 'close');
  return stream.rstCode;
}

/** Resolves once the application has no connection any more. */
export async function isFree(app: RunningApp): Promise<void> {
  await eventually(() => app.bus.stats().connections === 0);
}
