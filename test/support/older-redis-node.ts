import { Redis } from 'ioredis';
import { readFileSync } from 'node:fs';
import { afterTest } from './cleanup.js';

const script = readFileSync(new URL('older-redis-append.lua', import.meta.url), 'utf8');

/**
 * A node of a version before state topics and metadata, as Redis sees it: it shares the log with nodes of this version during
 * a rolling upgrade. It keeps 1,000 events of each topic, for an hour.
 */
export class OlderRedisNode {
  private batches = 0;
  private readonly client: Redis;

  /** @param prefix of the log, which a node of this version has opened */
  constructor(
    port: number,
    private readonly prefix: string,
  ) {
    this.client = new Redis(port);
    afterTest(() => this.client.disconnect());
  }

  /** Stores an event. Resolves with its id. */
  async publish(topic: string, data: string): Promise<string> {
    const key = (name: string) => `{${this.prefix}}:${name}`;
    const [epoch, run] = await this.client.hmget(key('log'), 'epoch', 'run');
    const list = key(`topic:${topic}`);
    const keys = [key('log'), key(`feed:${epoch}`), key('topics'), key('names'), list];
    const batch = `older ${++this.batches}`;
    const options = '3600000 50000 1000000';
    const args = [
      `${epoch} ${run}`,
      batch,
      options,
      key('topic:'),
      1,
      1,
      `1000 3600000 ${topic}`,
      1,
      `\n${data}`,
    ];
    const sequence = await this.client.eval(script, keys.length, ...keys, ...args);
    return `${epoch}-${String(sequence)}`;
  }
}
