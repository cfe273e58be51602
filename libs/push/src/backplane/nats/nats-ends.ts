import type { StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { endedError, isEnd } from '../../contracts/end.js';
import type { PushError } from '../../contracts/errors.js';
import type { Draft, LogEvent } from '../../contracts/event.js';
import { isRemoval } from '../../contracts/state.js';
import type { PendingAppend } from '../kit/append-queue.js';
import { noTopic } from '../kit/delivery-probe.js';
import { readBody } from '../kit/event-body.js';
import { keptAge } from '../kit/kept-age.js';
import type { LogNode } from '../kit/log-node.js';
import type { NatsClock } from './nats-clock.js';
import { inParallel } from './nats-deletion.js';
import { impossible } from './nats-expectations.js';
import type { NatsLog } from './nats-log.js';
import { removedHeader, type Message, type Stored, type WrongSequence } from './nats-publisher.js';
import type { Subjects } from './subjects.js';

/** Of how many finite topics a node knows the newest event. Of others it asks, when it publishes to them. */
const mostKnown = 20_000;

/** What a node knows of the newest message of a finite topic. */
interface Newest {
  /** 0 if there is none. */
  readonly sequence: number;
  /** The sequence of the topic's last removal; 0 if it is not known that there was one. */
  readonly removed: number;
  /** Up to when it is an end, on the monotonic clock; 0 if it is none. */
  readonly endedUntil: number;
}

/**
 * Keeps finite topics from going on after their ends. The server stores nothing if a topic's newest message is not the expected
 * one: so each event names the one that this node knows, which it knows to be no end. After an end an event names a message that
 * cannot be there: the server looks at the message id first, and refuses what is new.
 */
export class NatsEnds {
  private readonly known = new Map<string, Newest>();
  private epoch: string | undefined;

  constructor(
    private readonly node: LogNode,
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    private readonly clock: NatsClock,
  ) {}

  /** Whether a topic can end. */
  isFinite(topic: string): boolean {
    const { retention } = this.node;
    return retention.hasEnds === true && topic !== noTopic && retention.of(topic).ends !== undefined;
  }

  /** Whether this node knows that a topic has ended. */
  hasEnded(topic: string): boolean {
    const newest = this.known.get(topic);
    return newest !== undefined && newest.endedUntil > performance.now();
  }

  /** Asks for the newest messages of the finite topics among `part` that this node does not know. */
  async look(connection: NatsConnection, epoch: string, part: readonly PendingAppend[]): Promise<void> {
    if (epoch !== this.epoch) this.known.clear();
    this.epoch = epoch;
    const topics = new Set(part.map(({ draft }) => draft.topic));
    const unknown = [...topics].filter((topic) => this.isFinite(topic) && !this.touch(topic));
    if (unknown.length === 0) return;
    const { streams } = await this.log.manager(connection);
    await inParallel(unknown, async (topic) => {
      const query = { last_by_subj: this.subjects.of(topic) };
      const message = await streams.getMessage(this.subjects.stream, query);
      this.note(topic, await this.newestOf(connection, topic, message));
    });
  }

  /** What a message of a finite topic has to say besides its event. A removal is stored whatever there is. */
  headOf({ topic, meta }: Draft): Pick<Message, 'expected' | 'removed'> {
    if (isRemoval({ meta })) return {};
    const { sequence, removed } = this.known.get(topic)!;
    return { expected: this.hasEnded(topic) ? impossible : sequence, removed };
  }

  /** Notes what became of an append to a finite topic. */
  stored({ draft }: PendingAppend, { seq, duplicate }: Stored): void {
    if (!duplicate) this.noteEvent(draft.topic, seq, draft);
  }

  /** Notes an event that was read. Only of topics that this node publishes to it matters. */
  saw(event: LogEvent): void {
    if (this.known.has(event.topic)) this.noteEvent(event.topic, event.sequence, event);
  }

  /** Why an append cannot be stored, if it came after an end. Another one is to be tried again. */
  refusal({ draft: { topic } }: PendingAppend, { current }: WrongSequence): PushError | undefined {
    const isKnown = this.known.get(topic)?.sequence === current;
    if (isKnown && this.hasEnded(topic)) return endedError(topic);
    // Another node has published meanwhile, and this one has not yet read it.
    if (!isKnown) this.known.delete(topic);
    return undefined;
  }

  private noteEvent(topic: string, sequence: number, event: Pick<Draft, 'meta'>): void {
    const removed = isRemoval(event) ? sequence : (this.known.get(topic)?.removed ?? 0);
    const ttl = isEnd(event) ? keptAge(event, this.node.retention.of(topic)) : -Infinity;
    this.note(topic, { sequence, removed, endedUntil: Math.max(0, performance.now() + ttl) });
  }

  private async newestOf(
    connection: NatsConnection,
    topic: string,
    message: StoredMsg | null,
  ): Promise<Newest> {
    if (!message) return { sequence: 0, removed: 0, endedUntil: 0 };
    const sequence = message.seq;
    const event = readBody('', sequence, topic, message.string());
    const removed = removedBefore(message, event);
    if (!isEnd(event)) return { sequence, removed, endedUntil: 0 };
    const age = (await this.clock.now(connection)) - message.time.getTime();
    const left = keptAge(event, this.node.retention.of(topic)) - age;
    return { sequence, removed, endedUntil: Math.max(0, performance.now() + left) };
  }

  /** The reader and the appender may come to the same event in any order. */
  private note(topic: string, newest: Newest): void {
    const known = this.known.get(topic);
    if (known && known.sequence >= newest.sequence) return;
    this.known.delete(topic);
    this.known.set(topic, newest);
    if (this.known.size > mostKnown) this.known.delete(this.known.keys().next().value!);
  }

  /** Whether a topic is known. If it is, others are forgotten first. */
  private touch(topic: string): boolean {
    const known = this.known.get(topic);
    if (!known) return false;
    this.known.delete(topic);
    this.known.set(topic, known);
    return true;
  }
}

/** The sequence of the last removal of a topic, up to and including its message; 0 if there was none. */
export function removedBefore({ seq, header }: Pick<StoredMsg, 'seq' | 'header'>, event: LogEvent): number {
  return isRemoval(event) ? seq : Number(header?.get(removedHeader) ?? 0);
}
