import type { NatsConnection } from '@nats-io/transport-node';
import { PushError } from '../../contracts/errors.js';
import type { PendingAppend } from '../kit/append-queue.js';
import { Appender } from '../kit/appender.js';
import { noTopic } from '../kit/delivery-probe.js';
import { writeBody } from '../kit/event-body.js';
import type { LogNode } from '../kit/log-node.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import type { NatsEnds } from './nats-ends.js';
import { conflictIn, NatsExpectations, partFrom } from './nats-expectations.js';
import { NatsPublisher, NotThere, WrongSequence, type Message, type Stored } from './nats-publisher.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** What is on its way to the server at a time, at most. */
const batchLimits = { events: 512, bytes: 1024 * 1024 };

/** How often an event is tried while other nodes publish to its topic. */
const mostAttempts = 100;

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
    private readonly ends: NatsEnds,
  ) {
    super(node, batchLimits);
    this.expectations = new NatsExpectations(log, subjects);
  }

  protected async store(batch: readonly PendingAppend[]): Promise<void> {
    const left = batch.filter(({ settled }) => !settled);
    try {
      for (let done = 0; done < left.length;) {
        const part = partFrom(left, done, this.ends);
        await this.storePart(part);
        done += part.length;
      }
    } catch (error) {
      this.log.doubt();
      throw error;
    }
  }

  /** Sends what can be sent at once, until all of it is settled: other nodes may be faster than what some of it expects. */
  private async storePart(part: readonly PendingAppend[]): Promise<void> {
    let left = part;
    for (let attempt = 1; left.length > 0; attempt++) {
      if (attempt > mostAttempts) return left.forEach(giveUp);
      const connection = await this.link.up();
      const { epoch } = await this.log.checked();
      const messages = await this.messagesOf(connection, epoch, left);
      const results = await this.link.unlessDown(this.publisherOn(connection).send(messages));
      const refusals = await this.settle(left, results);
      await this.refuse(refusals, connection);
      left = left.filter(({ settled }) => !settled);
    }
  }

  private async messagesOf(
    connection: NatsConnection,
    epoch: string,
    part: readonly PendingAppend[],
  ): Promise<Message[]> {
    const expected = await this.expectations.of(connection, epoch, part);
    await this.ends.look(connection, epoch, part);
    return part.map((append) => ({
      subject: this.subjectOf(append),
      body: writeBody(append.draft),
      id: this.idOf(append),
      ...(this.ends.isFinite(append.draft.topic)
        ? this.ends.headOf(append.draft)
        : { expected: expected.get(append) }),
    }));
  }

  /**
   * Rejects appends. Where a stream is replicated, servers (before 2.11) compare what is expected before they look at the message
   * id: so they are asked whether they have it.
   */
  private async refuse(
    refusals: ReadonlyMap<PendingAppend, PushError>,
    connection: NatsConnection,
  ): Promise<void> {
    const { replicas } = this.log.current!;
    if (replicas <= 1 || refusals.size === 0) {
      for (const [append, refusal] of refusals) append.reject(refusal);
      return;
    }
    const questions = [...refusals.keys()].map((append) => ({
      subject: this.subjectOf(append),
      body: '',
      id: this.idOf(append),
      isQuestion: true,
    }));
    const answers = await this.link.unlessDown(this.publisherOn(connection).send(questions));
    [...refusals].forEach(([append, refusal], index) => {
      const answer = answers[index]!;
      if (answer instanceof NotThere) append.reject(refusal);
      else if (!(answer instanceof Error)) this.resolve(append, answer);
    });
    const failure = answers.find((answer) => answer instanceof Error && !(answer instanceof NotThere));
    if (failure) throw failure as Error;
  }

  /** Settles what is stored. Returns why others cannot be. */
  private async settle(
    batch: readonly PendingAppend[],
    results: readonly (Stored | Error)[],
  ): Promise<Map<PendingAppend, PushError>> {
    const refusals = new Map<PendingAppend, PushError>();
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
      const isFinite = this.ends.isFinite(append.draft.topic);
      if (result instanceof WrongSequence) {
        const refusal = isFinite ? this.ends.refusal(append, result) : conflictIn(append, epoch, result);
        if (refusal) refusals.set(append, refusal);
      }
      if (result instanceof Error) return;
      if (isFinite) this.ends.stored(append, result);
      const { seq } = result;
      this.resolve(append, result);
      if (seq <= this.newest.sequence || seq <= start) return;
      this.newest.sequence = seq;
      this.log.saw(epoch, { sequence: seq, id: this.idOf(append) });
    });
    if (failure) throw failure;
    return refusals;
  }

  private resolve(append: PendingAppend, { seq }: Stored): void {
    append.resolve({ epoch: this.log.epochAt(seq), sequence: seq });
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

function giveUp(append: PendingAppend): void {
  const message = `The event was not stored: other nodes publish to ${append.draft.topic} all the time. Publish it again.`;
  append.reject(new PushError('UNAVAILABLE', message));
}
