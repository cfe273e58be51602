import { randomBytes } from 'node:crypto';
import { Backplane, type Health, type Tail } from '../../contracts/backplane.js';
import { Clock } from '../../contracts/clock.js';
import { checkOptions, number, type Checks } from '../../contracts/option-checks.js';
import { LogEvent, type Draft } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { EndedTopics } from './ended-topics.js';
import { MemoryOneTimeStore } from './memory-one-time-store.js';
import { MessageIds } from './message-ids.js';
import { StateTopics } from './state-topics.js';

/** What the memory backplane can be told. */
export interface MemoryBackplaneOptions {
  /** How long a `messageId` is remembered at least, in milliseconds. Default: one hour. */
  readonly rememberMessageIds?: number;
  /** How many message ids are remembered at most; when it is reached, the older half goes. Default: 100,000. */
  readonly maxMessageIds?: number;
}

const checks: Checks<MemoryBackplaneOptions> = {
  rememberMessageIds: number({ least: 1, infinite: true, whole: false, of: 'milliseconds' }),
  maxMessageIds: number({ least: 2, infinite: true, of: 'ids' }),
};

/**
 * The default: the log lives in this process, and the node's window is the store. It ends with the process, and the
 * next one has another epoch, so that clients that come back are told.
 */
export class MemoryBackplane extends Backplane {
  override readonly keepsState = true;
  override readonly keepsEnds = true;
  override readonly oneTimeStore = new MemoryOneTimeStore(() => this.clock.now());
  /** By which what it remembers is forgotten. The node sets its own. @internal */
  clock = new Clock();
  private epoch = newEpoch();
  private messageIds!: MessageIds;
  private sequence = 0;
  private tail!: Tail;
  private retention: RetentionRules | undefined;
  private states!: StateTopics;
  private ends!: EndedTopics;

  /** @throws PushError `INVALID_OPTION` */
  constructor(private readonly options: MemoryBackplaneOptions = {}) {
    super();
    checkOptions(options, checks);
  }

  /** @param retention without it, no topic is a state topic, and none has an end */
  start(tail: Tail, retention?: RetentionRules): void {
    this.tail = tail;
    this.retention = retention;
    this.openLog();
  }

  /** Begins another log, empty, as the next process would. @internal */
  restart(): void {
    this.epoch = newEpoch();
    this.openLog();
  }

  append(draft: Draft): Promise<Position> {
    const known = draft.messageId === undefined ? undefined : this.messageIds.get(draft.messageId);
    if (known !== undefined) return Promise.resolve({ epoch: this.epoch, sequence: known });
    const sequence = this.sequence + 1;
    const refusal = this.ends.take(draft) ?? this.states.take(draft, { epoch: this.epoch, sequence });
    if (refusal) return Promise.reject(refusal);
    this.sequence = sequence;
    if (draft.messageId !== undefined) this.messageIds.set(draft.messageId, sequence);
    this.tail.deliver(new LogEvent(this.epoch, sequence, draft));
    return Promise.resolve({ epoch: this.epoch, sequence });
  }

  sendEphemeral(draft: Draft): Promise<void> {
    this.tail.deliverEphemeral(new LogEvent(this.epoch, 0, draft));
    return Promise.resolve();
  }

  control(message: string): Promise<void> {
    this.tail.control(message);
    return Promise.resolve();
  }

  health(): Promise<Health> {
    return Promise.resolve({ ready: true, detail: 'The log is in this process.' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private openLog(): void {
    const { rememberMessageIds = 3_600_000, maxMessageIds = 100_000 } = this.options;
    const now = () => this.clock.now();
    this.sequence = 0;
    this.messageIds = new MessageIds(rememberMessageIds, maxMessageIds, now);
    this.states = new StateTopics(this.retention, now);
    this.ends = new EndedTopics(this.retention, now);
    this.tail.open({ epoch: this.epoch, sequence: 0 });
  }
}

function newEpoch(): string {
  return randomBytes(6).toString('hex');
}
