import { noTopic } from '../kit/delivery-probe.js';
import type { LogNode } from '../kit/log-node.js';
import { LogReader } from '../kit/log-reader.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLog, RedisOpenLog } from './redis-log.js';

/** How many entries are read at once. */
const readEntries = 256;

/** A read that finds nothing new ends after this many milliseconds. So the node knows that the server still answers. */
const idle = 2_000;

/** What helps against entries that leave the feed unread. */
const feedAdvice = 'Raise feedLength if this is common.';

/** An entry of a stream: its id, then names and values in turn. */
type Entry = [id: string, fields: string[]];

/**
 * Tails the feed on a connection of its own, with one blocking read at a time. Each read ends within a bound, with or
 * without events. A connection on which it does not is replaced.
 */
export class RedisReader extends LogReader<RedisOpenLog> {
  constructor(
    node: LogNode,
    log: RedisLog,
    private readonly link: RedisLink,
    private readonly keys: Keys,
  ) {
    super(node, log);
  }

  protected async follow(log: RedisOpenLog): Promise<void> {
    while (await this.read(log)) this.worked();
    this.worked();
  }

  /** Reads once. Returns whether to read on; otherwise the log has to be looked at. */
  private async read({ sequence: stored, announced }: RedisOpenLog): Promise<boolean> {
    const { signal, tail } = this.node;
    const epoch = this.epoch!;
    const streams = [this.keys.feed(epoch), this.keys.epochs, `${this.last}-0`, announced];
    const reply = await this.link.run(
      (client) => client.xread('COUNT', readEntries, 'BLOCK', idle, 'STREAMS', ...streams),
      idle,
    );
    if (signal.aborted) return false;
    if (!reply) {
      // The log had come to `stored` before this read. The feed does not have these entries, and will not get them.
      this.skip(stored, feedAdvice);
      return false;
    }
    const feed = (reply as [string, Entry[]][]).find(([key]) => key === streams[0]);
    const entries = feed?.[1] ?? [];
    for (const [id, fields] of entries) this.takeEntry(Number(id.slice(0, -2)), fields);
    this.log.saw(epoch, { sequence: this.last });
    const congested = tail.congested();
    if (congested) await congested;
    // Events that were delivered are sent at the end of this turn. While the reader keeps up, they go before the next read.
    else if (entries.length < readEntries) await new Promise((resolve) => setImmediate(resolve));
    return reply.length === 1 && feed !== undefined;
  }

  private takeEntry(sequence: number, [field, value, , body]: string[]): void {
    // In an entry "base", the server process changed: sequences jump to it from the value, its newest event before.
    const follows = field === 'base' ? Number(value) : sequence - 1;
    if (follows < this.last) throw new Error(`the log went back from ${this.last} to ${follows}`);
    this.skip(follows, feedAdvice);
    if (field === 't') this.take(sequence, value!, body!);
    else if (field === 'probe') this.take(sequence, noTopic, value!);
    else this.reach(sequence);
  }
}
