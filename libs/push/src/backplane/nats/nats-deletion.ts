import { AckPolicy, DeliverPolicy, jetstream, type JetStreamManager } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { hasCode } from './api-error.js';
import { patience } from './nats-link.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** How many messages are listed at once. */
const messagesAtOnce = 1_000;

/** How many requests are on their way at once. */
const parallel = 16;

/** The server's codes for a message that is not there. */
const isAbsent = [10_043, 10_057];

/** A message, and where it is. */
export interface Place {
  readonly subject: string;
  readonly sequence: number;
}

/**
 * Deletes messages one by one. A purge of a subject would be one request, but servers (2.9.10) let every consumer whose filter
 * matches it leave out messages of other subjects: readers of this log among them.
 */
export class NatsDeletion {
  constructor(
    private readonly subjects: Subjects,
    private readonly options: NatsBackplaneOptions,
  ) {}

  /** Deletes a message, if it is there. */
  async delete({ streams }: JetStreamManager, sequence: number): Promise<void> {
    try {
      await streams.deleteMessage(this.subjects.stream, sequence, false);
    } catch (error) {
      // Another node may have been faster.
      if (!isAbsent.some((code) => hasCode(error, code))) throw error;
    }
  }

  /** Deletes all messages of a subject before a sequence. */
  async deleteBefore(
    manager: JetStreamManager,
    connection: NatsConnection,
    subject: string,
    sequence: number,
  ): Promise<void> {
    for await (const places of this.list(manager, connection, subject, 1, sequence - 1))
      await inParallel(places, (place) => this.delete(manager, place.sequence));
  }

  /** Where the messages of a subject, or of some subjects, are: a few at a time, in order. */
  async *list(
    { consumers, streams }: JetStreamManager,
    connection: NatsConnection,
    filter: string,
    from: number,
    through: number,
  ): AsyncGenerator<readonly Place[]> {
    const { stream } = this.subjects;
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    for (let start = from; start <= through;) {
      const query = { next_by_subj: filter, seq: start };
      const next = await streams.getMessage(stream, query);
      if (!next || next.seq > through) return;
      const consumer = await consumers.add(stream, {
        filter_subject: filter,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: next.seq,
        ack_policy: AckPolicy.None,
        headers_only: true,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: nanos(30_000),
      });
      const places: Place[] = [{ subject: next.subject, sequence: next.seq }];
      try {
        const handle = client.consumers.getConsumerFromInfo(consumer);
        // The server may count too little: what is left out is listed next.
        const max_messages = Math.min(messagesAtOnce, consumer.num_pending);
        const messages = max_messages > 0 ? await handle.fetch({ max_messages, expires: 1_000 }) : [];
        for await (const { subject, seq } of messages)
          if (seq > next.seq && seq <= through) places.push({ subject, sequence: seq });
      } finally {
        consumers.delete(stream, consumer.name).catch(() => undefined);
      }
      yield places;
      start = places.at(-1)!.sequence + 1;
    }
  }
}

/** Does some work for each of `items`, for a few at a time. */
export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += parallel)
    await Promise.all(items.slice(start, start + parallel).map(work));
}
