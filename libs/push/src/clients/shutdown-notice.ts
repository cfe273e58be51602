import { Logger } from '@nestjs/common';
import type { EventEmitter } from 'node:events';

/** How long main.ts may take after the server listens, in milliseconds. */
const startTime = 1_000;

/**
 * Says so, once, where nothing would drain this node: Nest listens to signals only after `app.enableShutdownHooks()`, and a
 * SIGTERM that nobody listens to cuts off every client at once. In development, where nodes end all the time, it is said at
 * debug level.
 */
export function noticeMissingShutdownHooks(server: EventEmitter): void {
  server.once('listening', () => {
    const look = () => {
      if (process.listenerCount('SIGTERM') > 0) return;
      const logger = new Logger('PushModule');
      const message =
        'SIGTERM will cut off every client: nothing listens to it. Call app.enableShutdownHooks() in main.ts, and they are told to come back elsewhere.';
      if (process.env.NODE_ENV === 'production') logger.warn(message);
      else logger.debug(message);
    };
    setTimeout(look, startTime).unref();
  });
}
