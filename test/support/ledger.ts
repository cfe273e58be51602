import { covers } from 'nestjs-push';
import assert from 'node:assert/strict';
import type { Item, RoamingClient } from './roaming-client.js';
import { Watched } from './watched.js';

type Stored = readonly [publisher: string, n: number, id: string, topic: string];

/** What came of one round: sums over all clients. */
export interface Verdict {
  readonly stored: number;
  readonly received: number;
  /** Stored, not received, and nobody said so. */
  readonly lost: number;
  readonly repeated: number;
  readonly disordered: number;
  /** Gap notices by their reason. */
  readonly gaps: Readonly<Record<string, number>>;
  /** The most gap notices that one client got. */
  readonly mostGaps: number;
  /** Gap notices though nothing is missing. */
  readonly falseGaps: number;
  /** Stored, not received, and told. */
  readonly missed: number;
  /** For people: what was lost, and between what. */
  readonly losses: readonly string[];
}

/** What one client has had, over all rounds. */
class Reading {
  private from = 0;
  private readonly seen = new Set<string>();
  private readonly newest = new Map<string, number>();

  constructor(private readonly client: RoamingClient) {}

  /** Judges what came since the last time. */
  judge(stored: readonly Stored[]) {
    const items = this.client.items.slice(this.from);
    const before = this.client.items[this.from - 1]?.id;
    this.from = this.client.items.length;
    const wanted = stored.filter(([, , , topic]) => covers(this.client.pattern, topic));
    return { items, ...this.sequence(items), ...missingOf(items, before, wanted) };
  }

  /** Events that come twice, and events that come behind a later one, of the log or of their publisher. */
  private sequence(items: readonly Item[]): { repeated: number; disordered: number } {
    let repeated = 0;
    let disordered = 0;
    for (const { id, data } of items) {
      if (!data) continue;
      const [epoch, sequence] = parse(id);
      const publisher = `${epoch} ${data[0]}`;
      const event = `${publisher} ${data[1]}`;
      if (this.seen.has(event)) repeated++;
      else if (sequence <= (this.newest.get(epoch) ?? -1) || data[1] < (this.newest.get(publisher) ?? -1))
        disordered++;
      this.seen.add(event);
      this.newest.set(epoch, sequence).set(publisher, data[1]);
    }
    return { repeated, disordered };
  }
}

/** Everything that nodes said they had stored, and what clients made of it. */
export class Ledger extends Watched {
  private stored: Stored[] = [];
  private readonly known = new Set<string>();
  private readonly readings = new Map<RoamingClient, Reading>();

  /** Takes what a node says. */
  note(line: string): void {
    for (const each of JSON.parse(line) as Stored[]) {
      this.stored.push(each);
      this.known.add(`${each[0]} ${each[1]}`);
    }
    this.changed();
  }

  has(publisher: string, n: number): boolean {
    return this.known.has(`${publisher} ${n}`);
  }

  /** Resolves when that many more events are stored than are now. */
  untilMore(count: number): Promise<void> {
    const wanted = this.known.size + count;
    return this.until(() => this.known.size >= wanted);
  }

  /** Ends a round, in which everyone has caught up. */
  judge(clients: readonly RoamingClient[]): Verdict {
    const { stored } = this;
    this.stored = [];
    const sum = { received: 0, lost: 0, repeated: 0, disordered: 0, mostGaps: 0, falseGaps: 0, missed: 0 };
    const gaps: Record<string, number> = {};
    const losses: string[] = [];
    for (const client of clients) {
      if (!this.readings.has(client)) this.readings.set(client, new Reading(client));
      const found = this.readings.get(client)!.judge(stored);
      const told = found.items.flatMap(({ gap }) => gap ?? []);
      for (const gap of told) gaps[gap] = (gaps[gap] ?? 0) + 1;
      for (const id of found.lostIds.slice(0, 3)) losses.push(`${client.describe()} lost ${id}`);
      sum.received += found.items.length - told.length;
      for (const key of ['lost', 'repeated', 'disordered', 'falseGaps', 'missed'] as const)
        sum[key] += found[key];
      sum.mostGaps = Math.max(sum.mostGaps, told.length);
    }
    return { stored: stored.length, gaps, losses, ...sum };
  }
}

/** What a client should have got and did not, with and without a gap notice; and notices though nothing is missing. */
function missingOf(items: readonly Item[], before: string | undefined, wanted: readonly Stored[]) {
  const received = new Set(items.flatMap(({ data }) => (data ? [`${data[0]} ${data[1]}`] : [])));
  const missing = wanted.filter(([publisher, n]) => !received.has(`${publisher} ${n}`));
  const notices = items.flatMap((item, index) =>
    item.gap === undefined ? [] : [{ item, before: items[index - 1]?.id ?? before }],
  );
  const proven = new Set<Item>();
  const lostIds: string[] = [];
  for (const [, , id] of missing) {
    const notice = notices.find((each) => explains(each.item, each.before, id));
    if (notice) proven.add(notice.item);
    else lostIds.push(id);
  }
  // That a log has ended is true whether or not anything of it is missing.
  const falseGaps = notices.filter(({ item }) => item.gap !== 'epoch' && !proven.has(item)).length;
  const lost = lostIds.length;
  return { missed: missing.length - lost, falseGaps, lost, lostIds };
}

/** Whether a notice says that the event `id` may be missing: it stands between what came before and the notice. */
function explains({ id: until, gap }: Item, before: string | undefined, id: string): boolean {
  const [epoch, sequence] = parse(id);
  const [untilEpoch, through] = parse(until);
  if (epoch !== untilEpoch) return gap === 'epoch';
  const [beforeEpoch, after] = before === undefined ? ['', 0] : parse(before);
  return sequence <= through && (beforeEpoch !== epoch || sequence > after);
}

function parse(id: string): [epoch: string, sequence: number] {
  const end = id.lastIndexOf('-');
  assert.ok(end > 0, `${id} is an id`);
  return [id.slice(0, end), Number(id.slice(end + 1))];
}
