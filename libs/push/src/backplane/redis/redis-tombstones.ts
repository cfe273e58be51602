import { setTimeout as delay } from 'node:timers/promises';
import type { LogNode } from '../kit/log-node.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLog } from './redis-log.js';
import { dropScript, dueScript } from './tombstone-scripts.js';

/** How many removals one call drops at most. */
const dropsAtOnce = 64;

/** How long a node waits between two looks, in milliseconds. */
const shortestWait = 50;
const longestWait = 2_000;

/** For how many rules it is known up to where removals were dropped; for more of them, it is one number for all. */
const mostFloors = 256;

/** Drops removals when their time is over. All nodes look for them; the server drops each once. */
export class RedisTombstones {
  constructor(
    private readonly node: LogNode,
    private readonly log: RedisLog,
    private readonly link: RedisLink,
    private readonly keys: Keys,
  ) {}

  /** Looks for removals until the node's signal is aborted. Does nothing if no rule makes state topics. */
  async run(): Promise<void> {
    const { retention, signal } = this.node;
    if (!retention.state) return;
    for (let wait = longestWait; !signal.aborted;) {
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      // The reader reports what goes wrong with the server.
      wait = await this.drop().catch(() => longestWait);
    }
  }

  /** Drops what is due. Returns in how many milliseconds to look again. */
  private async drop(): Promise<number> {
    const { current, told } = this.log;
    if (!current || current.epoch !== told) return longestWait;
    const { log, topics: others, states, stateNames, tombstones } = this.keys;
    const { epoch } = current;
    const reply = await this.link.run((client) =>
      dueScript.run(client, [log, tombstones], [epoch, dropsAtOnce]),
    );
    if (!reply) return longestWait;
    const [next, ...topics] = reply as [string, ...string[]];
    if (topics.length === 0)
      return next === '' ? longestWait : Math.min(Math.max(Number(next), shortestWait), longestWait);
    const lists = topics.map((topic) => this.keys.topic(topic));
    const keys = [log, states, stateNames, tombstones, others, ...lists];
    const args = topics.flatMap((topic) => [this.ruleOf(topic), topic]);
    await this.link.run((client) => dropScript.run(client, keys, [epoch, mostFloors, ...args]));
    return shortestWait;
  }

  /** The pattern of a topic's rule; ">" if there is none any more. */
  private ruleOf(topic: string): string {
    return this.node.retention.of(topic).state?.pattern ?? '>';
  }
}
