import { LogEvent } from '../../contracts/event.js';
import { isRemoval } from '../../contracts/state.js';
import type { TopicRetention } from '../../contracts/retention.js';
import { Deque } from './deque.js';
import { heldBytes, topicBytes } from './held-bytes.js';
import type { OrderedSet, SetMember } from './ordered-set.js';
import type { TopicNode } from './topic-tree.js';

/** What a pinned topic takes in the tree, in bytes, as any other topic does. */
const nodesBytes = 320;

/**
 * An event in the window. It is one object, and has its topic's name in common with the others of its topic: what is kept of an
 * event costs memory, and each young collection that it survives has to move it.
 */
export class Entry extends LogEvent {
  /** About how much memory it takes. */
  readonly bytes: number;
  /** Where it is in its lane. Only the lane changes it. */
  place = 0;

  constructor(
    event: LogEvent,
    readonly history: TopicHistory,
    /** When it reached this node, in milliseconds of this node's clock: a wrong clock elsewhere must not shorten history. */
    readonly arrived: number,
  ) {
    super(event.epoch, event.sequence, event, history.topic);
    this.bytes = heldBytes(event);
  }
}

/**
 * The retained events of one topic. Entries leave it oldest first, except for those of a publisher that exceeds its share. The
 * newest loss is kept in `node.lost`: a reader that had not come so far has missed an event.
 */
export class TopicHistory implements SetMember<TopicHistory> {
  readonly entries = new Deque<Entry>();
  bytes = 0;
  /** Topics of about its size, or without events: see `SizeClasses` and `KnownTopics`. */
  set: OrderedSet<TopicHistory> | undefined;
  older: TopicHistory | undefined;
  newer: TopicHistory | undefined;
  /** The event that has ended the topic. It is known for as long as the topic is, also if the window has to evict the event. */
  end: LogEvent | undefined;

  constructor(
    readonly topic: string,
    readonly retention: TopicRetention,
    readonly node: TopicNode<TopicHistory>,
  ) {}

  /** Whether an event takes the place of all others of its topic: those are out of date then, and do not count as lost. */
  isReplacedBy(event: LogEvent): boolean {
    const { state, ends } = this.retention;
    return state !== undefined || (ends !== undefined && isRemoval(event));
  }
}

/** The newest `count` events of each topic, of those up to and including the sequence `asOf`. */
export interface Newest {
  readonly count: number;
  readonly asOf: number;
}

/** Whether the newest `count` events of a topic are retained, or as many as its rule keeps. */
export function hasNewest({ entries, retention }: TopicHistory, count: number): boolean {
  return entries.length >= Math.min(count, retention.events);
}

/** The index of the oldest of a topic's newest events: negative if fewer are retained. */
export function indexOfNewest(entries: Deque<Entry>, { count, asOf }: Newest): number {
  return entries.after(asOf) - count;
}

/** What a topic itself takes whose events are pinned, when it gets its first event; negative when its last one goes. */
export function pinnedTopicBytes({ topic, bytes }: TopicHistory, before: number): number {
  if (before > 0 === bytes > 0) return 0;
  return (bytes > 0 ? 1 : -1) * (topicBytes(topic) + nodesBytes);
}
