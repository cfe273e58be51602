import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import type { NatsLog } from './nats-log.js';
import type { Subjects } from './subjects.js';

/** How long an answer holds, in milliseconds: clocks drift. */
const validity = 600_000;

/** The server's clock. It tells the time when it makes a consumer, and nowhere else (2.9.10). */
export class NatsClock {
  private asked = -Infinity;
  /** The server's time minus the monotonic clock, which it is never ahead of. */
  private offset = 0;

  constructor(
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
  ) {}

  /** The server's time in milliseconds, or a little less. */
  async now(connection: NatsConnection): Promise<number> {
    if (performance.now() - this.asked > validity) await this.ask(connection);
    return performance.now() + this.offset;
  }

  private async ask(connection: NatsConnection): Promise<void> {
    const { consumers } = await this.log.manager(connection);
    const { name, created } = await consumers.add(this.subjects.stream, {
      filter_subject: this.subjects.mark,
      deliver_policy: DeliverPolicy.New,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(30_000),
    });
    this.asked = performance.now();
    this.offset = Date.parse(created) - this.asked;
    consumers.delete(this.subjects.stream, name).catch(() => undefined);
  }
}
