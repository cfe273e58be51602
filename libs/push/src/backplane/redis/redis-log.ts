import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import { openScript } from './log-scripts.js';

/** The log as the server has it. */
export interface OpenLog {
  readonly epoch: string;
  /** Which server process it was seen on. */
  readonly run: string;
  /** The sequence after which the epoch began. */
  readonly start: number;
  /** The sequence of its newest event. */
  readonly sequence: number;
  /** The newest entry of the stream of epochs. */
  readonly announced: string;
}

/** What this node believes about the log, shared by all that write and read it. */
export class RedisLog {
  /** As it was last seen; `undefined` before the first time. */
  current: OpenLog | undefined;
  /** The epoch that the node was told of last. */
  told: string | undefined;
  /** The newest event that this node has read or stored in the current epoch. */
  private seen = 0;
  private opening: Promise<OpenLog> | undefined;

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly newEpoch: () => string,
  ) {}

  /** Notes that this node knows of an event. A server that does not has lost it. */
  saw(epoch: string, sequence: number): void {
    if (epoch === this.current?.epoch && sequence > this.seen) this.seen = sequence;
  }

  /** Looks at the log, and makes one where there is none. Calls that overlap share the answer. */
  open(): Promise<OpenLog> {
    this.opening ??= this.look().finally(() => (this.opening = undefined));
    return this.opening;
  }

  /** As of a moment after the call. */
  async openAfresh(): Promise<OpenLog> {
    await this.opening?.catch(() => undefined);
    return this.open();
  }

  private async look(): Promise<OpenLog> {
    const { log, epochs } = this.keys;
    const args = [this.keys.feed(''), this.newEpoch(), this.current?.epoch ?? '', this.seen];
    const reply = await this.link.run((client) => openScript.run(client, [log, epochs], args));
    const [epoch, run, start, sequence, announced] = reply as [string, string, number, number, string];
    if (epoch !== this.current?.epoch) this.seen = 0;
    this.current = { epoch, run, start, sequence, announced };
    return this.current;
  }
}
