import type { NatsConnection } from '@nats-io/transport-node';
import type { LogNode } from '../kit/log-node.js';
import { Signals, type SignalKind } from '../kit/signals.js';
import type { NatsLink } from './nats-link.js';
import type { Subjects } from './subjects.js';

/** Signals as messages of two subjects that no stream stores. */
export class NatsSignals extends Signals {
  constructor(
    node: LogNode,
    private readonly link: NatsLink,
    private readonly subjects: Subjects,
  ) {
    super(node);
    link.onConnection = (connection) => {
      this.subscribe(connection, subjects.control, 'control');
      this.subscribe(connection, subjects.pass, 'ephemeral');
    };
  }

  /** The server answers a flush when it has seen the subscriptions. */
  async listening(): Promise<void> {
    const connection = await this.link.up();
    // Of a connection that is closed meanwhile, the client's promise never settles.
    await this.link.unlessDown(connection.flush());
  }

  /** While the connection is down the client would keep the message, so it is refused. */
  protected send(kind: SignalKind, message: string): Promise<void> {
    const connection = this.link.current;
    if (!connection) return Promise.reject(this.notSent(this.node.outage.reason ?? 'NATS is not connected'));
    connection.publish(kind === 'control' ? this.subjects.control : this.subjects.pass, message);
    return Promise.resolve();
  }

  private subscribe(connection: NatsConnection, subject: string, kind: SignalKind): void {
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error)
          this.node.outage.note(`NATS does not let this node subscribe to ${subject}: ${error.message}`);
        else this.receive(kind, message.string());
      },
    });
  }
}
