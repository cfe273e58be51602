import {
  AckPolicy,
  DeliverPolicy,
  JsHeaders,
  type ConsumerConfig,
  type ConsumerInfo,
} from '@nats-io/jetstream';
import { createInbox, nanos, type Msg } from '@nats-io/transport-node';
import type { LogEvent } from '../../contracts/event.js';
import { noTopic } from '../kit/delivery-probe.js';
import type { LogNode } from '../kit/log-node.js';
import { LogReader } from '../kit/log-reader.js';
import { stampOf } from './delivery.js';
import type { NatsLink } from './nats-link.js';
import type { NatsLog, NatsOpenLog } from './nats-log.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** How often the server sends a heartbeat while there is nothing to deliver, in milliseconds. */
const heartbeat = 1_000;

/** After so many heartbeats without a message that must be there, the consumer counts as broken. */
const mostIdleBeats = 3;

/** After this long without a message or a heartbeat, the consumer counts as lost, in milliseconds. */
const silence = 3_500;

/** Gets each event that is read, after the tail. */
export interface EventWatcher {
  saw(event: LogEvent): void;
}

/**
 * Tails the stream with one ordered consumer, whatever the number of clients. The server pushes messages and numbers
 * them. If a number is missing, or if the server falls silent, another consumer goes on after the last message.
 */
export class NatsReader extends LogReader<NatsOpenLog> {
  private lastAtHeartbeat = 0;
  private idleBeats = 0;

  constructor(
    node: LogNode,
    protected override readonly log: NatsLog,
    private readonly link: NatsLink,
    private readonly subjects: Subjects,
    private readonly options: NatsBackplaneOptions,
    private readonly watchers: readonly EventWatcher[],
  ) {
    super(node, log);
  }

  /** Reads with one consumer until it is lost, or until the log is to be looked at. */
  protected async follow(): Promise<void> {
    const { signal } = this.node;
    const connection = await this.link.up();
    const { consumers } = await this.log.manager(connection);
    // The server that was looked at may have gone, and this one may have another log.
    if (!this.log.isChecked) return;
    const inbox = createInbox(this.options.connection?.inboxPrefix);
    let lose!: (reason: Error) => void;
    let leave!: () => void;
    const left = new Promise<void>((resolve, reject) => ([leave, lose] = [resolve, reject]));
    // It may reject before it is awaited.
    left.catch(() => undefined);
    const timer = setTimeout(() => {
      lose(new Error(`nothing was heard for ${silence} ms`));
      this.link.reset();
    }, silence);
    const end = () => lose(new Error('closed'));
    this.log.onAnotherStream = () => lose(new Error('the stream is another one'));
    signal.addEventListener('abort', end, { once: true });
    let received = 0;
    this.idleBeats = 0;
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        timer.refresh();
        if (error) lose(error);
        // Status messages alone have the inbox as their subject. To look at the headers of each message would cost much.
        else if (message.subject === inbox) this.control(message, received, lose);
        else if (stampOf(message).delivery !== ++received) lose(new Error('a message is missing'));
        else if (!this.takeMessage(message)) {
          subscription.unsubscribe();
          leave();
        }
      },
    });
    let consumer: ConsumerInfo | undefined;
    try {
      const added = consumers.add(this.subjects.stream, consumerOf(inbox, this.last + 1));
      // Another server may come meanwhile: what it makes of the request is not read.
      consumer = await this.link.unlessDown(added);
      this.worked();
      await this.link.unlessDown(left);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
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
    // An answer to flow control lets the server go on. While this node is congested it gets none, and keeps the messages.
    const goOn = () => {
      if (message.reply) message.respond();
      else if (stalled !== '') this.link.current?.publish(stalled);
    };
    if (!message.reply && stalled === '') {
      if (this.isDeaf()) lose(new Error('heartbeats come, and messages that are there do not'));
      return;
    }
    const congested = this.node.tail.congested();
    // When it resolves, the connection may be gone.
    if (congested) congested.then(goOn).catch(lose);
    else goOn();
  }

  /** Whether only heartbeats have come for a while, though this node has stored a message since. */
  private isDeaf(): boolean {
    if (this.last !== this.lastAtHeartbeat || this.log.newestIn(this.epoch) <= this.last) this.idleBeats = 0;
    this.lastAtHeartbeat = this.last;
    return ++this.idleBeats > mostIdleBeats;
  }

  /** Returns whether the next message follows. Otherwise another consumer has to begin after `last`. */
  private takeMessage(message: Msg): boolean {
    const { sequence, time } = stampOf(message);
    if (sequence <= this.last) return true;
    this.skip(sequence - 1);
    this.log.saw(this.epoch!, { sequence, time });
    const { subject } = message;
    const topic = subject === this.subjects.probe ? noTopic : this.subjects.topicOf(subject);
    if (topic === undefined) return this.takeMark(sequence, message.string());
    if (subject === this.subjects.floors) this.reach(sequence);
    else {
      const event = this.take(sequence, topic, message.string());
      if (event) for (const watcher of this.watchers) watcher.saw(event);
    }
    return true;
  }

  /**
   * A mark may say that another epoch has begun: with the mark, or earlier, if it repeats one that this reader has not met. Then
   * what has come since is read again.
   */
  private takeMark(sequence: number, body: string): boolean {
    this.reach(sequence);
    const begun = this.log.readMark(this.epoch!, body, sequence);
    if (begun) this.begin(begun.epoch, begun.start);
    return this.last === sequence;
  }
}

/** A consumer that pushes what comes from a sequence on, and remembers nothing. */
function consumerOf(inbox: string, first: number): Partial<ConsumerConfig> {
  return {
    deliver_subject: inbox,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: first,
    ack_policy: AckPolicy.None,
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(30_000),
    idle_heartbeat: nanos(heartbeat),
    flow_control: true,
  };
}
