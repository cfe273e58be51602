import type { LogEvent } from '../contracts/event.js';
import {
  groupNodeTopicOf,
  groupPartitionTopicOf,
  groupPattern,
  readGroupTopic,
} from '../contracts/reserved.js';
import { isRemoval } from '../contracts/state.js';
import type { OwnedKind } from '../state/owned-kind.js';
import type { OwnedWriter } from '../state/owned-writer.js';
import { GroupTable } from './group-table.js';
import { isReplay } from './group-work.js';
import type { GroupReading } from './handler-readings.js';
import type { OwnGroup } from './own-group.js';

/** The groups of a node: what the log says of all groups, and the part that this node has in its own. */
export class GroupsNode implements OwnedKind {
  readonly pattern = groupPattern;
  private readonly own = new Map<string, OwnGroup>();
  private tables = new Map<string, GroupTable>();
  /** What is read from the beginning, until that is complete. */
  private next: Map<string, GroupTable> | undefined;
  private isOpen = false;

  constructor(private readonly writer: OwnedWriter) {}

  /** Whether all groups of this node are. */
  get isSettled(): boolean {
    return [...this.own.values()].every(({ isSettled }) => isSettled);
  }

  /** What this node has in its groups. */
  get readings(): readonly GroupReading[] {
    return [...this.own.values()].map((own) => own.reading);
  }

  /** What the log says of a group. */
  table(group: string): GroupTable {
    const tables = this.next ?? this.tables;
    let table = tables.get(group);
    if (!table) tables.set(group, (table = new GroupTable()));
    return table;
  }

  /** Takes part in a group from now on. @param join makes this node's part, from what the log says */
  join(group: string, join: (table: GroupTable) => OwnGroup): void {
    const own = join(this.table(group));
    this.own.set(group, own);
    if (this.isOpen) own.changed(this.table(group));
  }

  reopen(): void {
    this.next = new Map();
  }

  take(event: LogEvent): void {
    const group = readGroupTopic(event.topic)?.group;
    if (group === undefined) return;
    const table = this.table(group);
    const isChange = table.take(event);
    const own = this.own.get(group);
    // What is read from the beginning is looked at when it is complete.
    if (!own || this.next) return;
    if (isChange) own.changed();
    else if (table.dead.has(event.topic) && !isRemoval(event) && isReplay(event)) own.replay(event);
  }

  opened(): void {
    if (this.next) this.tables = this.next;
    this.next = undefined;
    this.isOpen = true;
    for (const [group, own] of this.own) own.changed(this.table(group));
  }

  owns(incarnation: string): boolean {
    return [...(this.next ?? this.tables).values()].some((table) => table.has(incarnation));
  }

  async onLapsed(incarnation: string): Promise<void> {
    await Promise.all([...this.tables].map(([group, table]) => this.free(group, table, incarnation)));
  }

  onLost(): void {
    for (const own of this.own.values()) {
      own.lose();
      own.changed();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.own.values()].map((own) => own.leave()));
  }

  /** Stops handling events. Resolves when those that are being handled have finished. */
  async drain(): Promise<void> {
    await Promise.all([...this.own.values()].map((own) => own.close()));
  }

  /** Tells the calls that still run that nobody waits for them. */
  abort(): void {
    for (const own of this.own.values()) own.abort();
  }

  /** Frees the partitions of a dead node, with how far it had come. The nodes of the group share them. */
  private async free(group: string, table: GroupTable, incarnation: string): Promise<void> {
    const entry = table.nodes.get(incarnation);
    await Promise.all(
      table.ownedBy(incarnation).map((partition) => {
        const data = JSON.stringify({ position: table.positionOf(partition) });
        const { eventId } = table.partitions.get(partition)!;
        return this.writer.put(groupPartitionTopicOf(group, partition), data, eventId);
      }),
    );
    if (entry) await this.writer.remove(groupNodeTopicOf(group, incarnation), entry.eventId);
  }
}
