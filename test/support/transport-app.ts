import type { ModuleMetadata } from '@nestjs/common';
import type { StartTransport, TransportClient, TransportRequest } from 'nestjs-push/testing';
import { createApp, RunningApp, type Platform } from './start-app.js';

/** How the suite for transports starts an application, and connects to it. */
export function transportOn(
  platform: Platform,
  connect: (app: RunningApp, asked: TransportRequest) => TransportClient,
  imports: NonNullable<ModuleMetadata['imports']> = [],
): StartTransport {
  return async (metadata) => {
    const app = new RunningApp(
      await createApp(platform, { ...metadata, imports: [...metadata.imports, ...imports] }),
    );
    await app.nest.listen(0, '127.0.0.1');
    return {
      app: app.nest,
      connect: (asked) => connect(app, asked),
      close: () => app.close(),
    };
  };
}
