import type { NatsConnection } from '@nats-io/transport-node';
import type { AppendQueue, PendingAppend } from '../kit/append-queue.js';
import { backoff } from '../kit/backoff.js';
import { writeBody } from '../kit/event-body.js';
import type { Outage } from '../kit/outage.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import { NatsPublisher, type Stored } from './nats-publisher.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** What is on its way to the server at a time, at most. */
const flightEvents = 512;
const flightBytes = 1024 * 1024;

/**
 * Stores what waits in the queue. What was taken together is sent together, and what of it fails is sent again before
 * anything newer. Each event has an id by which the server knows it again, so a retry never stores it twice.
 */
export class NatsAppender {
  private running = false;
  private publisher: NatsPublisher | undefined;
  private events = 0;
  /** The newest message that it stored in an epoch. */
  private newest = { epoch: '', sequence: 0 };

  constructor(
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly node: string,
    private readonly queue: AppendQueue,
    private readonly options: NatsBackplaneOptions,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
  ) {}

  /** There is something in the queue. What is added in this turn goes together. */
  wake(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(() => {
      this.run().catch((error: unknown) => this.outage.failed('publishing', error));
    });
  }

  private async run(): Promise<void> {
    try {
      while (this.queue.hasWaiting && !this.signal.aborted) {
        const flight = this.queue.take(flightEvents, flightBytes);
        await this.store(flight);
        this.queue.done(flight);
      }
    } finally {
      this.running = false;
    }
  }

  private async store(flight: readonly PendingAppend[]): Promise<void> {
    const ids = new Map(flight.map((append) => [append, this.idOf(append)]));
    let left = flight.filter((append) => !append.settled);
    for (let attempt = 1; left.length > 0 && !this.signal.aborted; attempt++) {
      try {
        const connection = await this.link.up();
        const before = await this.log.known();
        const messages = left.map((append) => ({
          subject: this.subjectOf(append),
          body: writeBody(append.draft),
          id: ids.get(append)!,
        }));
        const results = await this.link.unlessDown(this.publisherOn(connection).send(messages));
        await this.settle(before.epoch, left, results, ids);
      } catch (error) {
        this.log.doubt();
        this.outage.failed('publishing', error);
        await backoff(attempt, this.signal);
      }
      left = left.filter((append) => !append.settled);
    }
  }

  /** @param before the epoch as it was believed when they were sent */
  private async settle(
    before: string,
    flight: readonly PendingAppend[],
    results: readonly (Stored | Error)[],
    ids: ReadonlyMap<PendingAppend, string>,
  ): Promise<void> {
    const failure = results.find((result) => result instanceof Error);
    const isSameLog = results.every(
      (result) => result instanceof Error || result.duplicate || result.seq > this.newest.sequence,
    );
    // Numbers that go back are another stream's: whose they are has to be known before anyone is told.
    if (!isSameLog || failure) await this.log.open();
    const { epoch, start } = this.log.current!;
    if (epoch !== this.newest.epoch) this.newest = { epoch, sequence: 0 };
    results.forEach((result, index) => {
      if (result instanceof Error) return;
      const { seq } = result;
      const append = flight[index]!;
      append.resolve({ epoch: seq > start ? epoch : before, sequence: seq });
      if (seq <= this.newest.sequence || seq <= start) return;
      this.newest.sequence = seq;
      this.log.saw(epoch, { sequence: seq, id: ids.get(append)! });
    });
    if (failure) throw failure;
    this.outage.worked('publishing');
  }

  private publisherOn(connection: NatsConnection): NatsPublisher {
    if (this.publisher?.connection !== connection)
      this.publisher = new NatsPublisher(connection, this.options.connection?.inboxPrefix);
    return this.publisher;
  }

  private subjectOf({ draft: { topic } }: PendingAppend): string {
    return topic === '' ? this.subjects.probe : this.subjects.of(topic);
  }

  private idOf({ draft: { messageId } }: PendingAppend): string {
    return messageId === undefined ? `n ${this.node} ${++this.events}` : `m ${messageId}`;
  }
}
