import type { NatsConnection } from '@nats-io/transport-node';
import { randomBytes } from 'node:crypto';
import {
  Backplane,
  type Health,
  type History,
  type OneTimeStore,
  type Tail,
} from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { AppendQueue } from '../kit/append-queue.js';
import { DeliveryProbe } from '../kit/delivery-probe.js';
import { readBody, writeBody } from '../kit/event-body.js';
import { Outage } from '../kit/outage.js';
import { NatsAppender } from './nats-appender.js';
import { NatsHistory } from './nats-history.js';
import { NatsLink } from './nats-link.js';
import { NatsLog } from './nats-log.js';
import { NatsOneTimeStore } from './nats-one-time-store.js';
import { NatsReader } from './nats-reader.js';
import { checkNatsOptions, type NatsBackplaneOptions } from './nats.options.js';
import { Subjects } from './subjects.js';

/** How long a shutdown waits for events that are still to be stored, in milliseconds. */
const closePatience = 2_000;

/**
 * The log in NATS JetStream (server 2.9 or later). See docs/backplanes.md for what it promises with which storage.
 *
 * It opens one connection, and closes it with `close`. The stream is made at the start if there is none; it stays.
 */
export class NatsBackplane extends Backplane {
  override history?: History;
  override oneTimeStore?: OneTimeStore;
  private readonly node = randomBytes(6).toString('hex');
  private readonly closing = new AbortController();
  private readonly outage = new Outage('NatsBackplane', 'NATS');
  private readonly subjects: Subjects;
  private readonly queue: AppendQueue;
  private readonly probe: DeliveryProbe;
  private link?: NatsLink;
  private log?: NatsLog;
  private appender?: NatsAppender;
  private reader?: NatsReader;
  private loops: Promise<unknown> = Promise.resolve();
  private marking?: NodeJS.Timeout;
  private isOpen = false;

  /** @throws PushError `INVALID_OPTION` */
  constructor(private readonly options: NatsBackplaneOptions = {}) {
    super();
    checkNatsOptions(options);
    this.subjects = new Subjects(options.stream ?? 'push');
    this.queue = new AppendQueue(
      options,
      () => this.appender?.wake(),
      () => this.outage.reason,
    );
    this.probe = new DeliveryProbe(this.node, this.queue, this.outage);
  }

  start(tail: Tail, retention: RetentionRules): void {
    const { subjects, outage, options, queue, node } = this;
    const { signal } = this.closing;
    const link = new NatsLink(options, outage, signal, (connection) => this.listen(connection, tail));
    const log = new NatsLog(link, subjects, options, retention.largest, outage);
    this.link = link;
    this.log = log;
    this.history = new NatsHistory(link, log, subjects, retention, options);
    this.oneTimeStore = new NatsOneTimeStore(link, log, subjects.stream, options);
    this.reader = new NatsReader(
      link,
      log,
      subjects,
      tail,
      this.probe,
      outage,
      signal,
      options.connection?.inboxPrefix,
    );
    this.appender = new NatsAppender(link, log, subjects, node, queue, options, outage, signal);
    this.loops = Promise.all([link.run(), this.reader.run(() => (this.isOpen = true))]);
    this.marking = setInterval(() => {
      log.open().catch(() => undefined);
    }, log.markInterval).unref();
    if (queue.hasWaiting) this.appender.wake();
  }

  append(draft: Draft): Promise<Position> {
    return this.queue.add(draft);
  }

  sendEphemeral(draft: Draft): Promise<void> {
    return this.send(this.subjects.pass, `${draft.topic}\n${writeBody(draft)}`);
  }

  control(message: string): Promise<void> {
    return this.send(this.subjects.control, message);
  }

  override head(): Promise<Position> {
    return this.log ? this.log.openAfresh() : Promise.reject(notStarted());
  }

  /** An empty event goes through the stream and back. Checks that overlap share one. */
  health(): Promise<Health> {
    return this.probe.check();
  }

  async close(): Promise<void> {
    if (!this.closing.signal.aborted) await this.queue.close(this.outage.reason ? 0 : closePatience);
    clearInterval(this.marking);
    this.closing.abort();
    await this.loops;
  }

  /** What is not stored is published as such. While the connection is down, the client would keep it: it is refused. */
  private send(subject: string, message: string): Promise<void> {
    if (!this.link) return Promise.reject(notStarted());
    const connection = this.link.current;
    if (!connection) {
      const why = this.outage.reason ?? 'NATS is not connected';
      return Promise.reject(
        new PushError('UNAVAILABLE', `Not sent: ${why}. Send it again if it still matters.`),
      );
    }
    connection.publish(subject, message);
    return Promise.resolve();
  }

  private listen(connection: NatsConnection, tail: Tail): void {
    const hear = (subject: string, receive: (message: string) => void) =>
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) this.outage.note(`NATS does not let this node hear ${subject}: ${error.message}`);
          else if (this.isOpen) receive(message.string());
        },
      });
    hear(this.subjects.control, (message) => tail.control(message));
    hear(this.subjects.pass, (message) => {
      const end = message.indexOf('\n');
      tail.deliverEphemeral(readBody('', 0, message.slice(0, end), message.slice(end + 1)));
    });
  }
}

/** For `PushModule.forRoot({ backplane: natsBackplane({ servers }) })`. It connects when the module starts it. */
export function natsBackplane(options: NatsBackplaneOptions = {}): NatsBackplane {
  return new NatsBackplane(options);
}

function notStarted(): PushError {
  return new PushError('UNAVAILABLE', 'The backplane has not been started: PushModule does that.');
}
