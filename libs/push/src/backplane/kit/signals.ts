import { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import { readBody, writeBody } from './event-body.js';
import type { LogNode } from './log-node.js';

/** What a signal carries: an ephemeral event, or a message of the control plane. */
export type SignalKind = 'ephemeral' | 'control';

/** What nodes send each other without storing it. It is delivered at most once. */
export abstract class Signals {
  /** Whether the tail has been told of the log. What comes before that is dropped: the tail MUST get nothing earlier. */
  isOpen = false;

  constructor(protected readonly node: LogNode) {}

  /**
   * Resolves when this node receives what any node sends from now on; rejects if it cannot. It MUST also settle when the
   * node's signal is aborted. The reader calls it before each attempt.
   */
  abstract listening(): Promise<void>;

  /**
   * Sends a message to all nodes that are connected now, this one included. Each passes it to `receive`. It MUST NOT keep
   * it for a server that is away: what comes late is of no use.
   *
   * @throws PushError `UNAVAILABLE`; `notSent` makes one
   */
  protected abstract send(kind: SignalKind, message: string): Promise<void>;

  /** Implements `Backplane.sendEphemeral`. */
  sendEphemeral(draft: Draft): Promise<void> {
    return this.send('ephemeral', `${draft.topic}\n${writeBody(draft)}`);
  }

  /** Implements `Backplane.control`. */
  control(message: string): Promise<void> {
    return this.send('control', message);
  }

  /** Delivers a message that a node sent: to be called for each that this node gets. */
  receive(kind: SignalKind, message: string): void {
    const { tail } = this.node;
    if (!this.isOpen) return;
    if (kind === 'control') {
      tail.control(message);
      return;
    }
    const end = message.indexOf('\n');
    tail.deliverEphemeral(readBody('', 0, message.slice(0, end), message.slice(end + 1)));
  }

  /** The error for a message that was not sent. */
  protected notSent(why: string): PushError {
    return new PushError('UNAVAILABLE', `Not sent: ${why}. Send it again if it still matters.`);
  }
}
