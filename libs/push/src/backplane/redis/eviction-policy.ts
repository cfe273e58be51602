import type { Outage } from '../kit/outage.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { memoryScript } from './log-scripts.js';

/** The only policy with which a full server refuses to store, instead of dropping what it has stored. */
const wanted = 'noeviction';

/**
 * Checks what the server does when its memory is full. A server that evicts keys drops events before their time. Clients
 * are told of these; message ids and tickets are forgotten silently.
 */
export class EvictionPolicy {
  private noted: string | undefined;

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly outage: Outage,
  ) {}

  /** What is wrong with the policy, which it also logs; `undefined` if nothing is, or if the server does not tell. */
  async check(): Promise<string | undefined> {
    // In a script, because in a cluster the server that has the log's keys must answer.
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
