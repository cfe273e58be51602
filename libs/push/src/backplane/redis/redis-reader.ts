import type { Tail } from '../../contracts/backplane.js';
import { backoff } from '../kit/backoff.js';
import type { DeliveryProbe } from '../kit/delivery-probe.js';
import { readBody } from '../kit/event-body.js';
import type { Outage } from '../kit/outage.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { OpenLog, RedisLog } from './redis-log.js';

/** How many entries are read at once. */
const readEntries = 256;

/** A read that finds nothing new ends after this many milliseconds: the server is alive, and the log is looked at. */
const idle = 2_000;

/** A stream's entry: its id, then names and values in turn. */
type Entry = [id: string, fields: string[]];

/**
 * Tails the feed on a connection of its own: one blocking read at a time, whatever the number of clients. A read always
 * ends within a bound, with or without events; a connection on which it does not is deaf, and is replaced.
 */
export class RedisReader {
  private epoch: string | undefined;
  private last = 0;
  /** The newest entry of the stream of epochs that was seen. */
  private announced = '0-0';

  constructor(
    private readonly link: RedisLink,
    private readonly log: RedisLog,
    private readonly keys: Keys,
    private readonly tail: Tail,
    private readonly probe: DeliveryProbe,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
  ) {}

  /** Reads until the signal ends it. Calls `onOpen` whenever the node has been told of the log. */
  async run(onOpen: () => void): Promise<void> {
    for (let attempt = 1; !this.signal.aborted; attempt++) {
      try {
        const log = await this.log.open();
        this.enter(log);
        onOpen();
        for (let more = true; more; attempt = 0) {
          more = await this.read(log.sequence);
          this.link.worked();
        }
      } catch (error) {
        this.link.failed(error);
        await backoff(attempt, this.signal);
      }
    }
  }

  /** Goes on in the log as it is now, or begins another. */
  private enter(log: OpenLog): void {
    this.announced = log.announced;
    if (log.epoch === this.epoch) return;
    const isFirst = this.epoch === undefined;
    this.epoch = log.epoch;
    this.last = isFirst ? log.sequence : log.start;
    if (!isFirst) {
      const why = 'The server was flushed, restored, or lost events that it had acknowledged';
      this.outage.note(
        `Another log has begun (${log.epoch}). ${why}. Clients are told that they may have missed events.`,
      );
    }
    this.log.told = log.epoch;
    this.tail.open({ epoch: log.epoch, sequence: this.last });
    this.probe.reads();
  }

  /**
   * Reads once. Returns whether to read on; otherwise the log has to be looked at.
   *
   * @param stored the log had come to this sequence before: what is not in the feed up to there will not come any more
   */
  private async read(stored: number): Promise<boolean> {
    const epoch = this.epoch!;
    const streams = [this.keys.feed(epoch), this.keys.epochs, `${this.last}-0`, this.announced];
    const reply = await this.link.run(
      (client) => client.xread('COUNT', readEntries, 'BLOCK', idle, 'STREAMS', ...streams),
      idle,
    );
    if (this.signal.aborted) return false;
    if (!reply) {
      this.skip(stored);
      return false;
    }
    const feed = (reply as [string, Entry[]][]).find(([key]) => key === streams[0]);
    const entries = feed?.[1] ?? [];
    for (const [id, fields] of entries) this.take(epoch, Number(id.slice(0, -2)), fields);
    this.log.saw(epoch, this.last);
    const congested = this.tail.congested();
    if (congested) await congested;
    // What was delivered goes out at the end of this turn. While the reader keeps up, that is more urgent than asking on.
    else if (entries.length < readEntries) await new Promise((resolve) => setImmediate(resolve));
    return reply.length === 1 && feed !== undefined;
  }

  private take(epoch: string, sequence: number, [field, value, , body]: string[]): void {
    // The server changed: numbers jump from the newest event that it had to this entry.
    const follows = field === 'base' ? Number(value) : sequence - 1;
    if (follows < this.last) throw new Error(`the log went back from ${this.last} to ${follows}`);
    this.skip(follows);
    this.last = sequence;
    if (field === 't') this.tail.deliver(readBody(epoch, sequence, value!, body!));
    else this.tail.reach(sequence);
    if (field === 'probe') this.probe.seen(value!.slice(1));
  }

  /** Goes on after `sequence`: what the feed had up to there is gone, because it is full or because the server evicted it. */
  private skip(sequence: number): void {
    if (sequence <= this.last) return;
    this.outage.note(
      `Events up to ${sequence} left the feed before this node read them. Raise feedLength if this is common.`,
    );
    this.tail.skip(sequence);
    this.last = sequence;
  }
}
