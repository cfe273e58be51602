import { AckPolicy, DeliverPolicy, JsHeaders, type ConsumerInfo } from '@nats-io/jetstream';
import { createInbox, nanos, type Msg, type NatsConnection } from '@nats-io/transport-node';
import type { Tail } from '../../contracts/backplane.js';
import { backoff } from '../kit/backoff.js';
import type { DeliveryProbe } from '../kit/delivery-probe.js';
import { readBody } from '../kit/event-body.js';
import type { Outage } from '../kit/outage.js';
import { stampOf } from './delivery.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog, OpenLog } from './nats-log.js';
import type { Subjects } from './subjects.js';

/** How often the server says that it is there while there is nothing to deliver, in milliseconds. */
const heartbeat = 1_000;

/** After so many heartbeats without a message that is known to be there, the consumer does not deliver. */
const mostIdleBeats = 3;

/** After this long without a word, the consumer is lost, in milliseconds. */
const silence = 3_500;

/**
 * Tails the stream with one ordered consumer, whatever the number of clients: the server pushes messages and numbers
 * them, and where a number is missing, or the server falls silent, another consumer goes on behind the last message.
 */
export class NatsReader {
  private epoch: string | undefined;
  private last = 0;
  private lastAtHeartbeat = 0;
  private idleBeats = 0;

  constructor(
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly tail: Tail,
    private readonly probe: DeliveryProbe,
    private readonly outage: Outage,
    private readonly signal: AbortSignal,
    /** What inboxes of this node begin with, where its user may not have others. */
    private readonly inboxPrefix: string | undefined,
  ) {}

  /** Reads until the signal ends it. Calls `onOpen` whenever the node has been told of the log. */
  async run(onOpen: () => void): Promise<void> {
    for (let attempt = 1; !this.signal.aborted; attempt++) {
      try {
        const connection = await this.link.up();
        // What other nodes send without storing it is heard before the node is told of the log.
        await connection.flush();
        this.enter(await this.log.open());
        onOpen();
        const before = this.last;
        await this.consume(connection, () => this.outage.worked('reading')).finally(() => {
          if (this.last > before) attempt = 0;
        });
      } catch (error) {
        if (!this.signal.aborted) this.outage.failed('reading', error);
        await backoff(attempt, this.signal);
      }
    }
  }

  private enter(log: OpenLog): void {
    if (log.epoch !== this.epoch) this.begin(log.epoch, this.epoch === undefined ? log.sequence : log.start);
  }

  private begin(epoch: string, sequence: number): void {
    if (this.epoch !== undefined) {
      const why = 'The stream was made anew, or lost messages that it had acknowledged';
      this.outage.note(
        `Another log has begun (${epoch}). ${why}. Clients are told that they may have missed events.`,
      );
    }
    this.epoch = epoch;
    this.last = sequence;
    this.log.told = epoch;
    this.tail.open({ epoch, sequence });
    this.probe.reads();
  }

  /** Reads with one consumer until it is lost, which is always an error. */
  private async consume(connection: NatsConnection, onBegin: () => void): Promise<never> {
    const { consumers } = await this.log.manager(connection);
    const inbox = createInbox(this.inboxPrefix);
    let lose!: (reason: Error) => void;
    const lost = new Promise<never>((_, reject) => (lose = reject));
    // It may be lost before it is waited for.
    lost.catch(() => undefined);
    const timer = setTimeout(() => {
      lose(new Error(`nothing was heard for ${silence} ms`));
      this.link.reset();
    }, silence);
    const end = () => lose(new Error('closed'));
    this.log.onAnotherStream = () => lose(new Error('the stream is another one'));
    this.signal.addEventListener('abort', end, { once: true });
    let received = 0;
    this.idleBeats = 0;
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        timer.refresh();
        if (error) lose(error);
        // What it delivers has the subject that it was published to. Looking at headers of each would cost much.
        else if (message.subject === inbox) this.control(message, received, lose);
        else if (stampOf(message).delivery !== ++received) lose(new Error('a message is missing'));
        else this.take(message);
      },
    });
    let consumer: ConsumerInfo | undefined;
    try {
      consumer = await consumers.add(this.subjects.stream, {
        deliver_subject: inbox,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: this.last + 1,
        ack_policy: AckPolicy.None,
        max_deliver: 1,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: nanos(30_000),
        idle_heartbeat: nanos(heartbeat),
        flow_control: true,
      });
      onBegin();
      return await this.link.unlessDown(lost);
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener('abort', end);
      subscription.unsubscribe();
      if (consumer) consumers.delete(this.subjects.stream, consumer.name).catch(() => undefined);
    }
  }

  /** Status messages: heartbeats, flow control, and the end of the consumer. */
  private control(message: Msg, received: number, lose: (reason: Error) => void): void {
    const { headers } = message;
    if (headers?.code !== 100) {
      lose(new Error(headers?.description || `status ${headers?.code}`));
      return;
    }
    const delivered = headers.get(JsHeaders.LastConsumerSeqHdr);
    if (delivered !== '' && Number(delivered) !== received) lose(new Error('the last messages are missing'));
    const stalled = headers.get(JsHeaders.ConsumerStalledHdr);
    // An answer to flow control lets the server go on: while this node is congested, what is left stays there.
    const goOn = () => {
      if (message.reply) message.respond();
      else if (stalled !== '') this.link.current?.publish(stalled);
    };
    if (!message.reply && stalled === '') {
      if (this.isDeaf()) lose(new Error('heartbeats come, and messages that are there do not'));
      return;
    }
    const congested = this.tail.congested();
    // The connection may be gone by then.
    if (congested) congested.then(goOn).catch(lose);
    else goOn();
  }

  /** Whether several heartbeats have come since anything did, though this node has stored something since. */
  private isDeaf(): boolean {
    if (this.last !== this.lastAtHeartbeat || this.log.newestIn(this.epoch) <= this.last) this.idleBeats = 0;
    this.lastAtHeartbeat = this.last;
    return ++this.idleBeats > mostIdleBeats;
  }

  private take(message: Msg): void {
    const { sequence, time } = stampOf(message);
    if (sequence <= this.last) return;
    if (sequence > this.last + 1) {
      this.outage.note(`Events before ${sequence} left the stream before this node read them.`);
      this.tail.skip(sequence - 1);
    }
    this.last = sequence;
    this.log.saw(this.epoch!, { sequence, time });
    const topic = this.subjects.topicOf(message.subject);
    if (topic !== undefined) {
      this.tail.deliver(readBody(this.epoch!, sequence, topic, message.string()));
      return;
    }
    this.tail.reach(sequence);
    if (message.subject === this.subjects.probe) this.probe.seen(message.string().slice(1));
    else this.takeMark(sequence, message.string());
  }

  /** A mark may say that another log has begun: with it, whatever others believe of what came before. */
  private takeMark(sequence: number, body: string): void {
    const begun = this.log.readMark(this.epoch!, body, sequence);
    if (begun) this.begin(begun.epoch, begun.start);
  }
}
