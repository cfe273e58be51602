import type { Outage } from '../kit/outage.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { memoryScript } from './log-scripts.js';

/** The only policy by which a server that is full refuses to store, instead of dropping what it has stored. */
const wanted = 'noeviction';

/**
 * Looks at what the server does when its memory is full. One that evicts keys drops events before their time; clients are
 * told, and message ids, tickets and what else has a time to live may be forgotten.
 */
export class EvictionPolicy {
  private noted: string | undefined;

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly outage: Outage,
  ) {}

  /** What is wrong with the policy, which is logged when it is found; `undefined` if nothing is, or it cannot be seen. */
  async check(): Promise<string | undefined> {
    // From within a script: in a cluster it is the node with the log's keys that counts.
    const info = await this.link
      .run((client) => memoryScript.run(client, [this.keys.log], []))
      .catch(() => undefined);
    const policy = /^maxmemory_policy:(.+?)\r?$/m.exec(String(info))?.[1];
    if (policy === undefined) return undefined;
    const problem =
      policy === wanted
        ? undefined
        : `Redis has maxmemory-policy ${policy}: when its memory is full, it drops keys of the log. Set it to ${wanted}.`;
    if (problem && policy !== this.noted) this.outage.note(problem);
    this.noted = policy;
    return problem;
  }
}
