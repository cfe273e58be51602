import type { NatsConnection } from '@nats-io/transport-node';
import type { PendingAppend } from '../kit/append-queue.js';
import { Appender } from '../kit/appender.js';
import { noTopic } from '../kit/delivery-probe.js';
import { writeBody } from '../kit/event-body.js';
import type { LogNode } from '../kit/log-node.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import { NatsExpectations, partsOf, refuse } from './nats-expectations.js';
import { NatsPublisher, WrongSequence, type Stored } from './nats-publisher.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** What is on its way to the server at a time, at most. */
const batchLimits = { events: 512, bytes: 1024 * 1024 };

/** Sends the events of a batch one by one, all at once. The server recognizes each by an id, so a retry stores nothing twice. */
export class NatsAppender extends Appender {
  private publisher: NatsPublisher | undefined;
  private readonly expectations: NatsExpectations;
  /** The newest message that it stored in an epoch. */
  private newest = { epoch: '', sequence: 0 };

  constructor(
    node: LogNode,
    private readonly log: NatsLog,
    private readonly link: NatsLink,
    private readonly subjects: Subjects,
    private readonly options: NatsBackplaneOptions,
  ) {
    super(node, batchLimits);
    this.expectations = new NatsExpectations(log, subjects);
  }

  protected async store(batch: readonly PendingAppend[]): Promise<void> {
    const left = batch.filter(({ settled }) => !settled);
    try {
      const connection = await this.link.up();
      const { epoch } = await this.log.checked();
      for (const part of partsOf(left)) {
        const expected = await this.expectations.of(connection, epoch, part);
        const messages = part.map((append) => ({
          subject: this.subjectOf(append),
          body: writeBody(append.draft),
          id: this.idOf(append),
          expected: expected.get(append),
        }));
        const results = await this.link.unlessDown(this.publisherOn(connection).send(messages));
        await this.settle(epoch, part, results);
      }
    } catch (error) {
      this.log.doubt();
      throw error;
    }
  }

  /** @param before the epoch that this node believed in when it sent them */
  private async settle(
    before: string,
    batch: readonly PendingAppend[],
    results: readonly (Stored | Error)[],
  ): Promise<void> {
    const failure = results.find((result) => result instanceof Error && !(result instanceof WrongSequence));
    const isSameLog = results.every(
      (result) => result instanceof Error || result.duplicate || result.seq > this.newest.sequence,
    );
    // If the numbers go back, they may be of another epoch. That has to be known before an append is resolved.
    if (!isSameLog || failure) await this.log.open();
    const { epoch, start } = this.log.current!;
    if (epoch !== this.newest.epoch) this.newest = { epoch, sequence: 0 };
    results.forEach((result, index) => {
      const append = batch[index]!;
      if (result instanceof WrongSequence) refuse(append, epoch, result);
      if (result instanceof Error) return;
      const { seq } = result;
      append.resolve({ epoch: seq > start ? epoch : before, sequence: seq });
      if (seq <= this.newest.sequence || seq <= start) return;
      this.newest.sequence = seq;
      this.log.saw(epoch, { sequence: seq, id: this.idOf(append) });
    });
    if (failure) throw failure;
  }

  private publisherOn(connection: NatsConnection): NatsPublisher {
    if (this.publisher?.connection !== connection)
      this.publisher = new NatsPublisher(connection, this.options.connection?.inboxPrefix);
    return this.publisher;
  }

  private subjectOf({ draft: { topic } }: PendingAppend): string {
    return topic === noTopic ? this.subjects.probe : this.subjects.of(topic);
  }

  private idOf({ draft: { messageId }, number }: PendingAppend): string {
    return messageId === undefined ? `n ${this.node.id} ${number}` : `m ${messageId}`;
  }
}
