import type { LogEvent } from '../contracts/event.js';
import { parsePosition, printPosition } from '../contracts/position.js';
import { readGroupTopic } from '../contracts/reserved.js';
import { isRemoval } from '../contracts/state.js';
import { ownerOf } from '../state/ownership.js';

/** What the log says of a partition. */
export interface PartitionEntry {
  /** The newest event of its topic. */
  readonly eventId: string;
  /** The incarnation that has it; `undefined` if it is free. */
  readonly owner: string | undefined;
  /** The id up to which all of its events were done when it was written. */
  readonly position: string;
}

/** How far a node has come, as it says from time to time. */
export interface Progress {
  /** The id up to which all events of `whole` are done. */
  readonly position: string;
  readonly whole: readonly number[];
  /** The ids up to which those of other partitions are done. */
  readonly parts: Readonly<Record<number, string>>;
}

/** What the log says of a node. */
interface NodeEntry {
  readonly eventId: string;
  readonly progress: Progress;
}

/** Everything that the log says of one group, as far as this node has read it. */
export class GroupTable {
  /** The id where the group begins; `undefined` as long as no node has said it. */
  start: string | undefined;
  readonly partitions = new Map<number, PartitionEntry>();
  /** By incarnation. */
  readonly nodes = new Map<string, NodeEntry>();
  /** The newest event of each dead letter, by its topic. */
  readonly dead = new Map<string, LogEvent>();

  /** Takes an event of one of the group's topics. Returns whether it may change who has which partition. */
  take(event: LogEvent): boolean {
    const about = readGroupTopic(event.topic);
    if (!about) return false;
    const isThere = !isRemoval(event);
    const { kind } = about;
    if (kind === 'dead') {
      set(this.dead, event.topic, isThere ? event : undefined);
      return false;
    }
    if (kind === 'node') {
      const was = this.nodes.has(about.incarnation);
      set(this.nodes, about.incarnation, isThere ? nodeEntryOf(event) : undefined);
      return was !== isThere;
    }
    if (kind === 'start') this.start = isThere ? (JSON.parse(event.data) as Start).position : undefined;
    else set(this.partitions, about.partition, isThere ? partitionEntryOf(event) : undefined);
    return true;
  }

  /** Whether an incarnation has anything in the group. */
  has(incarnation: string): boolean {
    return this.nodes.has(incarnation) || this.ownedBy(incarnation).length > 0;
  }

  /** The partitions of an incarnation. */
  ownedBy(incarnation: string): number[] {
    return [...this.partitions]
      .filter(([, { owner }]) => owner === incarnation)
      .map(([partition]) => partition);
  }

  /** The id up to which everything of a partition is done, as far as the log says; `undefined` if the group has not begun. */
  positionOf(partition: number): string | undefined {
    const entry = this.partitions.get(partition);
    if (!entry) return this.start;
    const progress = entry.owner === undefined ? undefined : this.nodes.get(entry.owner)?.progress;
    if (!progress) return entry.position;
    const said =
      progress.parts[partition] ?? (progress.whole.includes(partition) ? progress.position : undefined);
    // What a node has said before it took the partition over is older.
    return said === undefined ? entry.position : later(entry.position, said);
  }
}

interface Start {
  readonly position: string;
}

function partitionEntryOf(event: LogEvent): PartitionEntry {
  const { position } = JSON.parse(event.data) as Start;
  return { eventId: event.id!, owner: ownerOf(event), position };
}

function nodeEntryOf(event: LogEvent): NodeEntry {
  return { eventId: event.id!, progress: JSON.parse(event.data) as Progress };
}

function set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** The later of two ids; of two logs, the second one. */
export function later(one: string, other: string): string {
  const [a, b] = [parsePosition(one), parsePosition(other)];
  return a && a.epoch === b?.epoch && a.sequence > b.sequence ? one : other;
}

/** The earliest of some ids. One of another log than `epoch` is earlier than all of that. */
export function earliest(ids: readonly string[], epoch: string): string | undefined {
  let sequence = Infinity;
  for (const id of ids) {
    const position = parsePosition(id);
    if (position?.epoch !== epoch) return id;
    sequence = Math.min(sequence, position.sequence);
  }
  return sequence === Infinity ? undefined : printPosition({ epoch, sequence });
}
