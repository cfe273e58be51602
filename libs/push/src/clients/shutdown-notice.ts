import { Logger } from '@nestjs/common';
import type { EventEmitter } from 'node:events';

/** How long main.ts has to enable shutdown hooks after the server listens, in milliseconds. */
const startupTime = 1_000;

/**
 * Logs once if nothing would drain this node on SIGTERM. Nest listens to signals only after `app.enableShutdownHooks()`, and
 * without a listener SIGTERM cuts off every client at once. The level is debug in development, where nodes restart often.
 */
export function noticeMissingShutdownHooks(server: EventEmitter): void {
  server.once('listening', () => {
    const check = () => {
      if (process.listenerCount('SIGTERM') > 0) return;
      const logger = new Logger('PushModule');
      const message =
        'SIGTERM will cut off every client: nothing listens to it. Call app.enableShutdownHooks() in main.ts, and they are told to come back elsewhere.';
      if (process.env.NODE_ENV === 'production') logger.warn(message);
      else logger.debug(message);
    };
    setTimeout(check, startupTime).unref();
  });
}
