import { strict as assert } from 'node:assert';
import type { GapNotice } from '../../src/contracts/connection.js';
import { PushError } from '../../src/contracts/errors.js';
import { LogEvent, type Batch } from '../../src/contracts/event.js';
import { parsePosition } from '../../src/contracts/position.js';
import {
  isSnapshot,
  snapshotMeta,
  type Snapshot,
  type SnapshotSource,
} from '../../src/contracts/snapshot.js';
import { Hub } from '../../src/hub/hub.js';
import { NodeLog } from '../../src/hub/replay/node-log.js';
import { MemoryHistory } from '../../src/testing/memory-history.js';
import { delivered, ResumingClient } from './resuming-client.js';

/** `d.*` know their position, `p.*` do not. */
export const topics = ['d.1', 'd.2', 'p.1', 'p.2', 'n'];

interface Loading {
  readonly topic: string;
  readonly since: number;
  readonly done: (result: Snapshot | PushError) => void;
  read?: Snapshot;
}

/** A node, and the database that its snapshots are read from. */
export class World implements SnapshotSource {
  readonly nodeLog: NodeLog;
  readonly hub: Hub;
  private history: MemoryHistory | undefined;
  readonly loading = new Set<Loading>();
  /** The count of each topic, after each of its events in this log. */
  counts = new Map<string, { sequence: number; count: number }[]>();
  failure: unknown;
  readonly clients: Client[];
  sequence = 0;
  epoch = '';
  private epochs = 0;

  /** @param isBacked whether a history has what the window has no room for */
  constructor(
    private readonly isBacked: boolean,
    wanted: readonly string[][],
  ) {
    this.nodeLog = new NodeLog({
      rules: [],
      retention: { events: isBacked ? 6 : 3, age: Infinity },
      windowBytes: isBacked ? 2_000 : 1e9,
      emptyTopics: 2,
      snapshotInterval: 0,
    });
    this.hub = new Hub(this.nodeLog);
    if (isBacked) this.nodeLog.readOlderFrom({ page: (query) => this.history!.page(query) });
    this.hub.loadSnapshotsBy(this);
    this.replace();
    this.clients = wanted.map((own) => new Client(this, own));
  }

  canLoad(topic: string): boolean {
    return topic !== 'n';
  }

  load(topic: string, _: unknown, __: number, done: Loading['done']): () => void {
    const loading = { topic, since: this.nodeLog.window.head, done };
    this.loading.add(loading);
    return () => this.loading.delete(loading);
  }

  /** The loader reads the database. */
  read(index: number): void {
    const loading = [...this.loading][index % Math.max(1, this.loading.size)];
    if (!loading) return;
    const { topic, since } = loading;
    const newest = this.newest(topic);
    const isExact = topic.startsWith('d');
    const data = String(newest.count);
    const at = isExact ? newest.sequence : since;
    const event = new LogEvent(this.epoch, at, { topic, data, meta: snapshotMeta });
    loading.read ??= { event, isExact };
  }

  answer(index: number, fails: boolean): void {
    const loading = [...this.loading].filter(({ read }) => fails || read)[index % 3];
    if (!loading) return;
    this.loading.delete(loading);
    loading.done(fails ? new PushError('SNAPSHOT_FAILED', 'No.') : loading.read!);
  }

  newest(topic: string): { sequence: number; count: number } {
    return this.counts.get(topic)!.at(-1)!;
  }

  /** The count as of a position. */
  countAt(topic: string, sequence: number): number {
    return this.counts.get(topic)!.findLast((each) => each.sequence <= sequence)!.count;
  }

  publish(topic: string): void {
    const sequence = ++this.sequence;
    const { count } = this.newest(topic);
    this.counts.get(topic)!.push({ sequence, count: count + 1 });
    const event = new LogEvent(this.epoch, sequence, { topic, data: String(count + 1) });
    this.history?.add(event);
    this.hub.deliver(event);
  }

  replace(): void {
    this.epoch = `log${++this.epochs}`;
    this.sequence = 0;
    const old = this.counts;
    this.counts = new Map(
      topics.map((topic) => [topic, [{ sequence: 0, count: old.get(topic)?.at(-1)?.count ?? 0 }]]),
    );
    const { rules } = this.nodeLog;
    if (this.isBacked)
      this.history = new MemoryHistory(
        (topic) => rules.of(topic),
        () => 0,
      );
    this.hub.open({ epoch: this.epoch, sequence: 0 });
  }

  async settle(): Promise<void> {
    await delivered(this.nodeLog);
    if (this.failure) throw this.failure;
  }

  async finish(): Promise<void> {
    for (let turns = 0; turns < 2 || this.loading.size > 0 || this.hub.stats().lagging > 0; turns++) {
      assert(turns < 1_000, 'somebody never catches up');
      for (const client of this.clients) {
        client.cutAfter(Infinity);
        client.drain(Infinity);
      }
      for (let each = 0; each < this.loading.size; each++) this.read(each);
      this.answer(0, false);
      await this.settle();
    }
    for (const client of this.clients) client.compare();
    for (const client of this.clients) client.leave();
    assert.equal(this.loading.size, 0);
  }
}

/** A client that was begun by snapshots. Besides, it reads a topic that has none. */
class Client extends ResumingClient {
  private readonly counts = new Map<string, number>();
  /** The count of its newest snapshot. */
  private readonly snapshots = new Map<string, number>();
  /** The count of the event before, on this connection. */
  private readonly previous = new Map<string, number>();
  /** Topics whose snapshot has to come before anything else of them. */
  private readonly isAwaited = new Set<string>();
  /** The snapshots could not be loaded. */
  private isFailed = false;
  private isCut = false;
  private left = Infinity;

  constructor(
    private readonly world: World,
    private readonly own: string[],
  ) {
    super();
    this.connect();
  }

  /** The line will be cut after so many events more, wherever that is. */
  cutAfter(events: number): void {
    this.left = events;
  }

  private cut(): void {
    this.isCut = true;
    setImmediate(() => {
      if (this.isCut) this.drop();
    });
  }

  override heartbeat(): void {
    if (!this.isCut && !this.isFailed) super.heartbeat();
  }

  override write({ events }: Batch): boolean {
    for (const event of events) {
      if (this.isCut) break;
      if (this.left-- === 0) this.cut();
      else this.take(event);
    }
    return this.wrote();
  }

  gap({ topics: told, id, snapshot }: GapNotice): boolean {
    if (this.isCut) return true;
    if (!snapshot) this.world.failure ??= new Error(`${told.join()}: a gap without a snapshot`);
    for (const topic of told) this.isAwaited.add(topic);
    this.lastId = id;
    return this.wrote();
  }

  fail(): void {
    this.isFailed = true;
    setImmediate(() => {
      if (this.isFailed) this.connect();
    });
  }

  compare(): void {
    for (const topic of this.own) assert.equal(this.counts.get(topic), this.world.newest(topic).count, topic);
  }

  protected override connect(): void {
    super.connect();
    this.isFailed = this.isCut = false;
    this.left = Infinity;
    const { lastId, own, world } = this;
    const position = parsePosition(lastId ?? '');
    for (const topic of own) {
      this.previous.delete(topic);
      if (!position || position.epoch !== world.epoch) this.isAwaited.add(topic);
      if (!this.isAwaited.has(topic)) this.goBackTo(topic, position!.sequence);
    }
    this.cursor = world.hub.join(this);
    this.cursor.subscribe(own, lastId ?? 'snapshot', undefined, { snapshot: true });
  }

  /** What it was sent without ids comes again: its state is that of its last id. */
  private goBackTo(topic: string, sequence: number): void {
    const { own, world, counts } = this;
    const then = world.countAt(topic, sequence);
    const now = counts.get(topic) ?? -1;
    if (now < then) world.failure ??= new Error(`${topic}: has ${now}, but its id says ${then}`);
    if (!topic.startsWith('d') || now === then) return;
    if (own.length === 1) world.failure ??= new Error(`${topic}: has ${now}, and its id says only ${then}`);
    // A snapshot cannot be taken back: there has to be another one.
    if (this.snapshots.get(topic)! > then) this.isAwaited.add(topic);
    else counts.set(topic, then);
  }

  protected take(event: LogEvent): void {
    const { topic, data, id } = event;
    const count = Number(data);
    if (isSnapshot(event)) {
      this.isAwaited.delete(topic);
      this.snapshots.set(topic, count);
      this.previous.delete(topic);
    } else {
      const before = topic.startsWith('d') ? this.counts.get(topic) : this.previous.get(topic);
      if (this.isAwaited.has(topic))
        this.world.failure ??= new Error(`${topic}: ${data} before its snapshot`);
      if (before !== undefined && before + 1 !== count)
        this.world.failure ??= new Error(`${topic}: ${data} after ${before}`);
      this.previous.set(topic, count);
    }
    this.counts.set(topic, count);
    this.lastId = id ?? this.lastId;
  }
}
