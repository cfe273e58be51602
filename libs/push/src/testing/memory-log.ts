import { randomBytes } from 'node:crypto';
import { MemoryOneTimeStore } from '../backplane/memory/memory-one-time-store.js';
import { StateTopics } from '../backplane/memory/state-topics.js';
import { MessageIds } from '../backplane/memory/message-ids.js';
import { Backplane, type Health, type History, type Tail } from '../contracts/backplane.js';
import { endedError } from '../contracts/end.js';
import { LogEvent, type Draft } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import type { RetentionRules } from '../contracts/retention.js';
import { isRemoval } from '../contracts/state.js';
import { MemoryHistory } from './memory-history.js';

/**
 * A log in memory that several nodes of one process share, with a history that outlives them: for tests of applications
 * with more than one node, or with a node that restarts.
 *
 * ```ts
 * const log = new MemoryLog();
 * PushModule.forRoot({ backplane: log.node() });
 * ```
 */
export class MemoryLog {
  /** The history of the log, which outlives the windows of the nodes. Set once a node has started. */
  history!: MemoryHistory;
  /** The state topics. Set once a node has started. @internal */
  states!: StateTopics;
  readonly tails = new Set<Tail>();
  readonly oneTimeStore = new MemoryOneTimeStore();
  readonly epoch = randomBytes(6).toString('hex');
  private readonly messageIds = new MessageIds(3_600_000, 100_000);
  /** The sequence of the newest event. */
  sequence = 0;

  /** Makes the backplane of one more node. */
  node(): Backplane {
    return new MemoryLogNode(this);
  }

  /**
   * @param deliver `false` stores the event without delivering it, as if the nodes had been disconnected
   * @throws PushError `CONFLICT`, `ENDED`, `LIMIT_EXCEEDED`
   */
  append(draft: Draft, deliver = true): Position {
    const { topic, messageId } = draft;
    const { epoch } = this;
    const known = messageId === undefined ? undefined : this.messageIds.get(messageId);
    if (known !== undefined) return { epoch, sequence: known };
    if (this.history.hasEnded(topic) && !isRemoval(draft)) throw endedError(topic);
    const sequence = this.sequence + 1;
    const refusal = this.states.take(draft, { epoch, sequence });
    if (refusal) throw refusal;
    this.sequence = sequence;
    if (messageId !== undefined) this.messageIds.set(messageId, sequence);
    const event = new LogEvent(epoch, sequence, draft);
    this.history.add(event);
    if (deliver) for (const tail of this.tails) tail.deliver(event);
    return { epoch, sequence };
  }
}

class MemoryLogNode extends Backplane {
  override readonly keepsState = true;
  override readonly keepsEnds = true;
  override history?: History;
  override readonly oneTimeStore;
  private tail: Tail | undefined;

  constructor(private readonly log: MemoryLog) {
    super();
    this.oneTimeStore = log.oneTimeStore;
  }

  start(tail: Tail, retention: RetentionRules): void {
    this.log.history ??= new MemoryHistory((topic) => retention.of(topic));
    this.log.states ??= new StateTopics(retention);
    this.history = this.log.history;
    this.tail = tail;
    this.log.tails.add(tail);
    tail.open({ epoch: this.log.epoch, sequence: this.log.sequence });
  }

  append(draft: Draft): Promise<Position> {
    try {
      return Promise.resolve(this.log.append(draft));
    } catch (refusal) {
      return Promise.reject(refusal as Error);
    }
  }

  sendEphemeral(draft: Draft): Promise<void> {
    const event = new LogEvent(this.log.epoch, 0, draft);
    for (const tail of this.log.tails) tail.deliverEphemeral(event);
    return Promise.resolve();
  }

  control(message: string): Promise<void> {
    for (const tail of this.log.tails) tail.control(message);
    return Promise.resolve();
  }

  override head(): Promise<Position> {
    const { epoch, sequence } = this.log;
    return Promise.resolve({ epoch, sequence });
  }

  health(): Promise<Health> {
    return Promise.resolve({ ready: true, detail: 'The log is in this process.' });
  }

  close(): Promise<void> {
    if (this.tail) this.log.tails.delete(this.tail);
    return Promise.resolve();
  }
}
