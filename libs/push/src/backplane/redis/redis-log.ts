import { randomBytes } from 'node:crypto';
import { SharedLog, type OpenLog } from '../kit/shared-log.js';
import type { Keys } from './keys.js';
import { openScript } from './log-scripts.js';
import type { RedisLink } from './redis-link.js';

/** The log as the server has it. */
export interface RedisOpenLog extends OpenLog {
  /** The server process that it was seen on. */
  readonly run: string;
  /** The newest entry of the stream of epochs. */
  readonly announced: string;
}

/** The log in Redis: one script looks at it, creates it, and notices that events were lost. */
export class RedisLog extends SharedLog<RedisOpenLog> {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
  ) {
    super();
  }

  protected async look(): Promise<RedisOpenLog> {
    const { log, epochs } = this.keys;
    const newEpoch = randomBytes(6).toString('hex');
    const args = [this.keys.feed(''), newEpoch, this.current?.epoch ?? '', this.known.sequence];
    const reply = await this.link.run((client) => openScript.run(client, [log, epochs], args));
    const [epoch, run, start, sequence, announced] = reply as [string, string, number, number, string];
    return { epoch, run, start, sequence, announced };
  }
}
