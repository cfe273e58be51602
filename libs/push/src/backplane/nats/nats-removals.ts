import { setTimeout as delay } from 'node:timers/promises';
import type { LogEvent } from '../../contracts/event.js';
import { isRemoval } from '../../contracts/state.js';
import type { LogNode } from '../kit/log-node.js';
import type { NatsDeletion } from './nats-deletion.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import type { Subjects } from './subjects.js';

/** How many removals a node waits for. What is left after the others, the stream drops when it is old. */
const mostWaiting = 100_000;

/** How long a node waits between two looks, in milliseconds: at least, and up to so much more, so that nodes take turns. */
const interval = 500;
const jitter = 500;

/**
 * Deletes what removals of finite topics have taken away. Until that is done, pages leave it out. Each node looks after the
 * removals that it reads; whoever comes first deletes.
 */
export class NatsRemovals {
  /** The sequence of the newest removal of each topic. */
  private readonly waiting = new Map<string, number>();

  constructor(
    private readonly node: LogNode,
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly deletion: NatsDeletion,
  ) {}

  /** Notes an event that was read. */
  saw(event: LogEvent): void {
    if (!isRemoval(event) || !this.node.retention.of(event.topic).ends) return;
    if (this.waiting.size < mostWaiting) this.waiting.set(event.topic, event.sequence);
  }

  /** Deletes now and then, until the node's signal is aborted. */
  async run(): Promise<void> {
    const { retention, signal } = this.node;
    if (!retention.hasEnds) return;
    while (!signal.aborted) {
      const wait = interval + Math.random() * jitter;
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
      // The reader reports what goes wrong with the server. What is left is tried again.
      if (!signal.aborted) await this.deleteAll().catch(() => undefined);
    }
  }

  private async deleteAll(): Promise<void> {
    if (this.waiting.size === 0) return;
    const connection = await this.link.up();
    const manager = await this.log.manager(connection);
    for (const [topic, sequence] of this.waiting) {
      if (this.node.signal.aborted) return;
      await this.deletion.deleteBefore(manager, connection, this.subjects.of(topic), sequence);
      if (this.waiting.get(topic) === sequence) this.waiting.delete(topic);
    }
  }
}
