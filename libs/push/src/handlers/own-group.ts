import type { GapNotice } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { groupNodeTopicOf, groupPartitionTopicOf, groupTopicOf } from '../contracts/reserved.js';
import type { Hub } from '../hub/hub.js';
import type { NodeLease } from '../state/node-lease.js';
import type { DeliveryContext } from './delivery.js';
import { earliest, type GroupTable, type Progress } from './group-table.js';
import { GroupReader, type GroupListener } from './group-reader.js';
import type { GroupWork } from './group-work.js';
import type { GroupReading } from './handler-readings.js';
import { OwnPartition } from './own-partition.js';
import { nodeFor, partitionCount, partitionOf } from './partitions.js';

/** How many events may be read that are not done. Then no more are read until half of them are. */
const mostUnfinished = 10_000;

/** How often a node says how far it has come, in milliseconds: so much may be handled again after it has died. */
const progressInterval = 1_000;

/** How often it says so while nothing happens, in milliseconds: before retention has dropped what is after its position. */
const quietInterval = 10_000;

const allPartitions = Array.from({ length: partitionCount }, (_, number) => number);

/** What a node needs to take part in a group. */
export interface GroupContext extends DeliveryContext {
  readonly hub: Hub;
  readonly lease: NodeLease;
}

/** The part of a node in a group: which partitions it has, and how far it has come in each. */
export class OwnGroup implements GroupListener {
  private readonly partitions = new Map<number, OwnPartition>();
  private readonly reader: GroupReader;
  /** The log that the partitions are of. */
  private epoch = '';
  /** The last positions in a log that another one has replaced: the gap between them is told. */
  private readonly former = new Map<number, string>();
  /** Where the group begins if it is new. */
  private readonly beginning: string | undefined;
  private isFull = false;
  private isClosed = false;
  private settling: Promise<void> | undefined;
  private isOutdated = false;
  private timer: NodeJS.Timeout | undefined;
  /** Whether events have come since this node has said how far it is, and when that was. */
  private hasNews = false;
  private saidAt = -Infinity;
  /** Partitions that this node is letting go of, with what says so in the log. */
  private readonly freeing = new Map<OwnPartition, Promise<void>>();

  /** @param table what the log says. Another one takes its place when another log begins */
  constructor(
    private readonly name: string,
    private readonly work: GroupWork,
    private readonly context: GroupContext,
    private table: GroupTable,
  ) {
    this.reader = new GroupReader(context.hub, work.patterns, this);
    this.beginning = context.hub.position;
  }

  /** How many events were read and are not done. */
  get unfinished(): number {
    let size = 0;
    for (const partition of this.partitions.values()) size += partition.size;
    return size;
  }

  /** Whether every partition has a node, and this one has handled all that it has read for its own. */
  get isSettled(): boolean {
    const { table, partitions, settling, isOutdated, freeing } = this;
    const isShared = allPartitions.every((number) => table.partitions.get(number)?.owner !== undefined);
    const isSharing = settling !== undefined || isOutdated || freeing.size > 0;
    return isShared && !isSharing && [...partitions.values()].every(({ isIdle }) => isIdle);
  }

  /** What there is now. */
  get reading(): GroupReading {
    const { name, unfinished, partitions, table } = this;
    return { group: name, waiting: unfinished, partitions: partitions.size, deadLetters: table.dead.size };
  }

  /** The log, or what it says of the group, has changed. */
  changed(table = this.table): void {
    this.table = table;
    this.isOutdated = true;
    this.timer ??= setInterval(() => this.tick(), progressInterval).unref();
    this.settling ??= this.settle().finally(() => (this.settling = undefined));
  }

  /** This node has lost everything that it had in the group. */
  lose(): void {
    this.reader.stop();
    for (const [number, partition] of this.partitions) {
      this.former.set(number, partition.position(undefined));
      partition.lose();
    }
    this.partitions.clear();
  }

  /** Handles no more events. Resolves when those that are being handled have finished. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    const { position } = this.reader;
    const closed = [...this.partitions.values()].map((partition) => partition.close(position));
    this.reader.stop();
    await Promise.all([this.settling, ...closed]);
  }

  /** Tells the calls that still run that nobody waits for them. */
  abort(): void {
    for (const partition of this.partitions.values()) partition.lose();
  }

  /** Gives everything to the other nodes. */
  async leave(): Promise<void> {
    await Promise.all([...this.partitions].map(([number, partition]) => this.free(number, partition)));
    const { incarnation, writer } = this.context.lease;
    const entry = this.table.nodes.get(incarnation);
    if (entry) await writer.remove(groupNodeTopicOf(this.name, incarnation), entry.eventId);
  }

  take(event: LogEvent): boolean {
    if (event.sequence > 0) this.partitions.get(partitionOf(event.topic))?.take(event);
    this.hasNews = true;
    this.isFull ||= this.unfinished >= mostUnfinished;
    return !this.isFull;
  }

  gap(notice: GapNotice): void {
    if (this.context.hub.head?.epoch === this.epoch) this.work.gap(notice);
    else this.ended();
  }

  ended(): void {
    this.lose();
    this.changed();
  }

  /** A dead letter is to be handled again. */
  replay(letter: LogEvent): void {
    const { event, handle } = this.work.replayOf(letter);
    this.partitions.get(partitionOf(event.topic))?.again(letter.id!, event, handle);
  }

  private async settle(): Promise<void> {
    while (this.isOutdated && !this.isClosed) {
      this.isOutdated = false;
      try {
        await this.share();
      } catch (error) {
        // The next tick tries again.
        this.isOutdated = true;
        this.failed(error);
        return;
      }
    }
  }

  /** Takes the partitions that are this node's, and lets go of those that are not. */
  private async share(): Promise<void> {
    const { table, context } = this;
    const { incarnation, writer } = context.lease;
    const head = context.hub.position;
    if (head === undefined) return;
    if (this.partitions.size > 0 && context.hub.head?.epoch !== this.epoch) this.lose();
    if (table.start === undefined) {
      const position = this.beginning ?? head;
      await writer.put(groupTopicOf(this.name), JSON.stringify({ position }), undefined);
    }
    if (!table.nodes.has(incarnation)) return this.announce(head);
    const isMine = (number: number) => nodeFor(this.name, number, table.nodes.keys()) === incarnation;
    // One that could not be given away takes no more events: it is given away, whoever is to have it by now.
    for (const [number, partition] of this.partitions)
      if (!isMine(number) || partition.isClosing) this.free(number, partition).catch(this.notFreed);
    const missing = allPartitions.filter((number) => !this.partitions.has(number) && isMine(number));
    const claims = await Promise.all(missing.map((number) => this.claim(number)));
    const claimed = claims.filter((claim) => claim !== undefined);
    if (claimed.length > 0) this.read(claimed);
  }

  /** Says that this node is in the group. The event comes back, and is a change. */
  private async announce(position: string): Promise<void> {
    const { incarnation, writer } = this.context.lease;
    const progress: Progress = { position, whole: [], parts: {} };
    await writer.set(groupNodeTopicOf(this.name, incarnation), JSON.stringify(progress), undefined);
  }

  /** Takes a partition if it is free; `undefined` if it is not. */
  private async claim(number: number): Promise<readonly [number, OwnPartition] | undefined> {
    const { table, former } = this;
    const { lease } = this.context;
    const entry = table.partitions.get(number);
    if (entry?.owner !== undefined && !lease.isOwn(entry.owner)) return undefined;
    const position = (entry ? undefined : former.get(number)) ?? table.positionOf(number);
    if (position === undefined) return undefined;
    const topic = groupPartitionTopicOf(this.name, number);
    const claim = await lease.writer.set(topic, JSON.stringify({ position }), entry?.eventId);
    if (!claim || claim.incarnation !== lease.incarnation || this.table !== table) return undefined;
    former.delete(number);
    return [number, new OwnPartition(claim.id, position, this.work.handle, this.done)];
  }

  /** Lets go of a partition, once what runs has finished. */
  private free(number: number, partition: OwnPartition): Promise<void> {
    let freeing = this.freeing.get(partition);
    if (!freeing) {
      freeing = this.release(number, partition).finally(() => this.freeing.delete(partition));
      this.freeing.set(partition, freeing);
    }
    return freeing;
  }

  private async release(number: number, partition: OwnPartition): Promise<void> {
    await partition.close(this.reader.position);
    if (this.partitions.get(number) !== partition) return;
    const data = JSON.stringify({ position: partition.position(undefined) });
    await this.context.lease.writer.put(groupPartitionTopicOf(this.name, number), data, partition.claim);
    this.partitions.delete(number);
  }

  /** Adds partitions, and reads from the earliest position on: the others leave out what they have had. */
  private read(claimed: readonly (readonly [number, OwnPartition])[]): void {
    const { head } = this.context.hub;
    if (!head || this.isClosed) return;
    this.epoch = head.epoch;
    const { position } = this.reader;
    for (const [number, partition] of claimed) this.partitions.set(number, partition);
    const all = [...this.partitions.values()];
    const from = earliest(
      all.map((partition) => partition.position(position)),
      head.epoch,
    );
    for (const partition of all) partition.isBegun = true;
    this.reader.start(from!);
    for (const letter of this.work.replays(this.table.dead.values())) this.replay(letter);
  }

  private readonly done = (): void => {
    if (!this.isFull || this.unfinished > mostUnfinished / 2) return;
    this.isFull = false;
    this.reader.resume();
  };

  private tick(): void {
    if (this.isOutdated) this.changed();
    else this.tell().catch(this.failed);
  }

  /** Says how far this node has come, if that may have changed. */
  private async tell(): Promise<void> {
    const { incarnation, writer } = this.context.lease;
    const { position } = this.reader;
    const entry = this.table.nodes.get(incarnation);
    const now = performance.now();
    const isDue = this.hasNews || this.unfinished > 0 || now - this.saidAt >= quietInterval;
    if (!isDue || !entry || position === undefined || this.settling || this.isClosed) return;
    this.hasNews = false;
    this.saidAt = now;
    const progress = JSON.stringify(progressOf(this.partitions, position));
    try {
      await writer.set(groupNodeTopicOf(this.name, incarnation), progress, entry.eventId);
    } catch (error) {
      this.hasNews = true;
      throw error;
    }
  }

  private readonly notFreed = (error: unknown): void => {
    // The next tick tries again.
    this.isOutdated = true;
    this.failed(error);
  };

  /** What is away comes back, and is tried again: others report that. */
  private readonly failed = (error: unknown): void => {
    if (!(error instanceof PushError)) this.context.report(error);
  };
}

function progressOf(partitions: ReadonlyMap<number, OwnPartition>, position: string): Progress {
  const whole: number[] = [];
  const parts: Record<number, string> = {};
  for (const [number, partition] of partitions) {
    const own = partition.position(position);
    if (own === position) whole.push(number);
    else parts[number] = own;
  }
  return { position, whole, parts };
}
