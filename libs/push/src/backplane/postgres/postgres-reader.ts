import type { LogNode } from '../kit/log-node.js';
import { LogReader } from '../kit/log-reader.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import { entriesOf, type EntriesRow, type Entry } from './entries.js';
import type { Names } from './names.js';
import type { StoredBatch } from './news.js';
import type { PostgresLog } from './postgres-log.js';
import { jumpTopic } from './schema.js';

/** What is read at once: so many entries, and about so many bytes. */
const entriesAtOnce = 512;
const bytesAtOnce = 512 * 1024;

/** After so many milliseconds without news the log is looked at again. */
const idle = 2_000;

/** What helps against entries that leave the log unread. */
const advice = 'Raise maxEvents if this is common.';

/** Tails the log: it reads what is there, then waits until it is told of more, and looks by itself from time to time. */
export class PostgresReader extends LogReader {
  constructor(
    node: LogNode,
    protected override readonly log: PostgresLog,
    private readonly link: PostgresLink,
    private readonly names: Names,
    private readonly pollInterval: number,
  ) {
    super(node, log);
  }

  protected async follow(): Promise<void> {
    const { pollInterval } = this;
    const { news } = this.log;
    const { signal } = this.node;
    let [quiet, looked] = [performance.now(), -Infinity];
    while (!signal.aborted && performance.now() - quiet < idle) {
      const isDue = performance.now() - looked >= pollInterval;
      const own = isDue ? undefined : news.take(this.epoch!, this.last);
      const most = isDue ? Infinity : news.countAfter(this.epoch!, this.last);
      if (!own && most === 0) {
        await news.wait(Math.min(pollInterval, idle));
        continue;
      }
      if (!own) {
        looked = performance.now();
        news.clear();
      }
      const count = own ? this.takeOwn(own) : await this.read(Math.min(most, entriesAtOnce));
      if (count === undefined) return;
      if (count > 0) quiet = performance.now();
      const congested = this.node.tail.congested();
      if (congested) await congested;
      // Events that were delivered are sent at the end of this turn. While the reader keeps up, they go before the next read.
      else if (count < entriesAtOnce) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Delivers what this node has stored itself. */
  private takeOwn({ events }: StoredBatch): number {
    for (const event of events) this.deliver(event);
    return events.length;
  }

  /** Reads once. Returns how many entries there were, or `undefined` if the log has to be looked at. */
  private async read(most: number): Promise<number | undefined> {
    const epoch = this.epoch!;
    const sql = `SELECT * FROM ${this.names.schema}.read($1, $2, $3, $4)`;
    const { rows } = await this.link.query<EntriesRow & { floor: string | null }>(sql, [
      epoch,
      this.last,
      most,
      bytesAtOnce,
    ]);
    this.worked();
    const row = rows[0]!;
    if (this.node.signal.aborted || row.floor === null) return undefined;
    const entries = entriesOf(row);
    // What comes after a hole is told after the hole.
    if (entries.length === 0 || entries[0]!.sequence > Number(row.floor))
      this.skip(Number(row.floor), advice);
    for (const entry of entries) this.takeEntry(entry);
    const last = entries.at(-1);
    if (last) this.log.saw(epoch, last);
    if (entries.length === most || (row.bodies?.length ?? 0) >= bytesAtOnce / 4) this.log.news.look();
    return entries.length;
  }

  private takeEntry({ sequence, topic, body }: Entry): void {
    if (topic !== jumpTopic) {
      this.take(sequence, topic, body);
      return;
    }
    // The newest number before: it is lower than what was read if the server has lost that.
    const before = Number(body);
    if (before < this.last) throw new Error(`the log went back from ${this.last} to ${before}`);
    this.reach(sequence);
  }
}
