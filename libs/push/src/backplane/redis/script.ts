import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** What scripts and commands are sent through: one connection, or those of a cluster. */
export type RedisClient = Redis | Cluster;

/** A Lua script: sent by its hash, and whole where the server does not have it yet. */
export class Script {
  private readonly hash: string;

  constructor(private readonly source: string) {
    this.hash = createHash('sha1').update(source).digest('hex');
  }

  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await client.evalsha(this.hash, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(this.source, keys.length, ...keys, ...args);
    }
  }
}
