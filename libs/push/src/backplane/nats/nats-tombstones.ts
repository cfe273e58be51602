import { setTimeout as delay } from 'node:timers/promises';
import type { LogEvent } from '../../contracts/event.js';
import type { LogNode } from '../kit/log-node.js';
import { isRemoval } from '../../contracts/state.js';
import { inParallel, type NatsDeletion } from './nats-deletion.js';
import type { NatsFloors } from './nats-floors.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import type { Subjects } from './subjects.js';

/** How many removals a node waits for. Those that it does not know are dropped when they are as old as the stream remembers. */
const mostWaiting = 100_000;

/** How many are dropped at once. */
const dropsAtOnce = 256;

/** How long a node waits between two looks, in milliseconds: at least, and up to so much more, so that nodes take turns. */
const interval = 500;
const jitter = 500;

/** A removal that is the newest event of its topic. */
export interface Tombstone {
  readonly topic: string;
  readonly sequence: number;
}

/** Drops removals when their time is over. Each node looks after those that it reads; whoever comes first drops them. */
export class NatsTombstones {
  /** When each is due, on the monotonic clock. */
  private readonly waiting = new Map<string, { readonly sequence: number; readonly due: number }>();

  constructor(
    private readonly node: LogNode,
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly parts: { readonly floors: NatsFloors; readonly deletion: NatsDeletion },
  ) {}

  /** Notes an event that was read. */
  saw(event: LogEvent): void {
    const { topic, sequence } = event;
    const state = this.node.retention.of(topic).state;
    if (!state) return;
    this.waiting.delete(topic);
    if (!isRemoval(event) || this.waiting.size >= mostWaiting) return;
    this.waiting.set(topic, { sequence, due: performance.now() + state.tombstones });
  }

  /** Drops what is due, until the node's signal is aborted. */
  async run(): Promise<void> {
    const { retention, signal } = this.node;
    if (!retention.state) return;
    while (!signal.aborted) {
      const wait = interval + Math.random() * jitter;
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
      const due = this.due();
      if (signal.aborted || due.length === 0) continue;
      try {
        await this.drop(due);
        for (const { topic, sequence } of due)
          if (this.waiting.get(topic)?.sequence === sequence) this.waiting.delete(topic);
      } catch {
        // The reader reports what goes wrong with the server. They are still due at the next look.
      }
    }
  }

  /** Drops removals, if they still are the newest events of their topics. */
  async drop(tombstones: readonly Tombstone[]): Promise<void> {
    const connection = await this.link.up();
    const manager = await this.log.manager(connection);
    const { stream } = this.subjects;
    const there: Tombstone[] = [];
    await inParallel(tombstones, async (each) => {
      const last_by_subj = this.subjects.of(each.topic);
      const newest = await manager.streams.getMessage(stream, { last_by_subj });
      if (newest?.seq === each.sequence) there.push(each);
    });
    if (there.length === 0) return;
    const rules = new Map<string, number>();
    for (const { topic, sequence } of there) {
      const pattern = this.node.retention.of(topic).state?.pattern ?? '>';
      rules.set(pattern, Math.max(sequence, rules.get(pattern) ?? 0));
    }
    await this.parts.floors.raise(manager, connection, { plain: 0, rules });
    for (const { topic, sequence } of there) {
      // What it has removed goes first: it would be the state again.
      await this.parts.deletion.deleteBefore(manager, connection, this.subjects.of(topic), sequence);
      await this.parts.deletion.delete(manager, sequence);
    }
  }

  private due(): Tombstone[] {
    const now = performance.now();
    const due: Tombstone[] = [];
    for (const [topic, { sequence, due: time }] of this.waiting) {
      if (time <= now) due.push({ topic, sequence });
      if (due.length === dropsAtOnce) break;
    }
    return due;
  }
}
