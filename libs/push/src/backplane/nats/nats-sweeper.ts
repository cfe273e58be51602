import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as delay } from 'node:timers/promises';
import { isRemoval } from '../../contracts/state.js';
import { readBody } from '../kit/event-body.js';
import type { LogNode } from '../kit/log-node.js';
import { inParallel, type NatsDeletion } from './nats-deletion.js';
import type { NatsFloors } from './nats-floors.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import type { NatsTombstones } from './nats-tombstones.js';
import type { Subjects } from './subjects.js';

/**
 * Deletes what is old, where there is state: the stream itself has no age then, since that would take the state too. Marks
 * tell how old it is. Of all nodes, the one that notes the new floor does it; what it leaves undone, the next one does.
 */
export class NatsSweeper {
  /** What is before was swept by this node. */
  private from = 1;
  /** The time of the newest mark, by the server's clock. */
  private now = 0;

  constructor(
    private readonly node: LogNode,
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly parts: {
      readonly floors: NatsFloors;
      readonly deletion: NatsDeletion;
      readonly tombstones: NatsTombstones;
    },
  ) {}

  /** Sweeps now and then, until the node's signal is aborted. Does nothing if no rule makes state topics. */
  async run(): Promise<void> {
    const { retention, signal } = this.node;
    if (!retention.state || !Number.isFinite(this.log.age)) return;
    while (!signal.aborted) {
      await delay(this.log.markInterval, undefined, { signal, ref: false }).catch(() => undefined);
      // The reader reports what goes wrong with the server.
      if (!signal.aborted) await this.sweep().catch(() => undefined);
    }
  }

  private async sweep(): Promise<void> {
    const connection = await this.link.up();
    const manager = await this.log.manager(connection);
    const mark = await this.oldMark(manager);
    if (mark === undefined) return;
    const { floors, deletion } = this.parts;
    const isMine = await floors.raise(manager, connection, { plain: mark - 1, rules: new Map() });
    if (!isMine) return;
    await this.deleteEvents(manager, connection, mark - 1);
    // The mark itself stays: as long as the stream begins with one, nothing is gone before it but by this.
    for (const subject of [this.subjects.probe, this.subjects.mark])
      await deletion.deleteBefore(manager, connection, subject, mark);
    this.from = mark;
  }

  /** The newest mark before which everything is old, by the server's clock; `undefined` if there is none. */
  private async oldMark({ streams }: JetStreamManager): Promise<number | undefined> {
    const { stream, mark } = this.subjects;
    const newest = await streams.getMessage(stream, { last_by_subj: mark });
    if (!newest) return undefined;
    this.now = newest.time.getTime();
    const oldest = this.now - this.log.age;
    let found: number | undefined;
    for (let seq = 1; ;) {
      const query = { next_by_subj: mark, seq };
      const next = await streams.getMessage(stream, query);
      if (!next || next.time.getTime() > oldest) return found;
      found = next.seq;
      seq = next.seq + 1;
    }
  }

  /** Deletes the events up to `through` that are no states. */
  private async deleteEvents(
    manager: JetStreamManager,
    connection: NatsConnection,
    through: number,
  ): Promise<void> {
    const { deletion } = this.parts;
    const events = this.subjects.of('>');
    for await (const places of deletion.list(manager, connection, events, this.from, through)) {
      if (this.node.signal.aborted) throw new Error('closed');
      const states = new Set<string>();
      await inParallel(places, async ({ subject, sequence }) => {
        if (this.isState(subject)) states.add(subject);
        else await deletion.delete(manager, sequence);
      });
      for (const subject of states) await this.deleteReplaced(manager, connection, subject);
    }
  }

  private isState(subject: string): boolean {
    if (subject === this.subjects.floors) return true;
    return this.node.retention.of(this.subjects.topicOf(subject)!).state !== undefined;
  }

  /** Leaves of a state topic the newest event alone; not even that, if it is a removal whose time is over. */
  private async deleteReplaced(
    manager: JetStreamManager,
    connection: NatsConnection,
    subject: string,
  ): Promise<void> {
    const { deletion, tombstones } = this.parts;
    const newest = await manager.streams.getMessage(this.subjects.stream, { last_by_subj: subject });
    if (!newest) return;
    await deletion.deleteBefore(manager, connection, subject, newest.seq);
    const topic = this.subjects.topicOf(subject)!;
    const { state } = this.node.retention.of(topic);
    if (!state || !isRemoval(readBody('', newest.seq, topic, newest.string()))) return;
    // Nodes that have read it drop it sooner.
    if (newest.time.getTime() + state.tombstones < this.now)
      await tombstones.drop([{ topic, sequence: newest.seq }]);
  }
}
