import type { Cluster, Redis } from 'ioredis';
import type { RedisClient } from './script.js';

/**
 * Takes what the sockets of a client emit after their first error. Node may emit a second one on a TLS socket that is destroyed
 * already, for example when an alert comes after the server's certificate was refused. ioredis handles only the first, and an
 * unhandled error ends the process.
 */
export function takeLateErrors(client: RedisClient): void {
  if (client.isCluster) (client as Cluster).on('+node', takeFrom);
  else takeFrom(client as Redis);
}

function takeFrom(redis: Redis): void {
  // Some errors of a client that is closed on purpose are not passed on, but its socket closes.
  for (const event of ['error', 'close']) redis.on(event, () => redis.stream?.on('error', ignore));
}

/** The first error was reported. */
function ignore(): void {}
