import type { LogEvent } from '../../contracts/event.js';
import type { TopicRetention } from '../../contracts/retention.js';
import { heldBytes, topicBytes } from './held-bytes.js';
import { KnownTopics } from './known-topics.js';
import { Lanes } from './lanes.js';
import { LossJournal } from './loss-journal.js';
import { merge } from './merge.js';
import { SharedReads } from './shared-reads.js';
import { SizeClasses } from './size-classes.js';
import { EntryReader, type ReadLimit, type ReadResult } from './entry-reader.js';
import { PublisherShares } from './publisher-shares.js';
import { bySequence, hasEvents, nothing, TopicHistory, type Entry } from './topic-history.js';
import type { TopicSet } from '../topics/topic-set.js';

/** What the window is told about its size. */
export interface WindowOptions {
  /** How much of a topic is kept; the same object for topics with the same rule. */
  readonly retentionOf: (topic: string) => TopicRetention;
  /** Bound on the memory of all retained events together, in bytes. */
  readonly bytes: number;
  /** How much of it the events of one publisher may take: then its own oldest go. Default: all. */
  readonly bytesPerPublisher?: number;
  /** How many topics without any retained event are still remembered one by one. */
  readonly emptyTopics: number;
  /** Clock in milliseconds, for tests. Default: one that never goes back, whatever is done to the time of day. */
  readonly now?: () => number;
}

/** Topics without events may take this part of the memory before they are forgotten. */
const emptyPart = 1 / 8;

/** Counted for a pinned topic as well as for any: its nodes in the tree. */
const nodesBytes = 320;

/** From this many steps on, walking through the log is cheaper than gathering topics. */
const gatherEffort = 2_048;

/**
 * The recent part of the log, in memory. It keeps events per topic, under one bound for all, and always knows what it
 * no longer has. Everything is synchronous: within one turn of the event loop nothing moves under a reader.
 */
export class Window {
  private topics: KnownTopics;
  private sizes = new SizeClasses();
  private lanes = new Lanes();
  private shares: PublisherShares;
  private live = 0;
  private bytesHeld = 0;
  /** How much of that is state that nobody else keeps: it is never evicted, and takes nothing from the others' room. */
  private pinnedBytes = 0;
  private readonly now: () => number;

  /** How far the window shows the log: the sequence of the newest event that ever was in it, or of what came after it. */
  head = 0;
  /** The newest sequence that anything lost. */
  newestLoss = 0;
  readonly journal = new LossJournal();
  /** Whether somebody else keeps what the rules keep, whatever the window has lost. */
  isBacked = false;
  /** Reads of the window as it is. */
  readonly reads = new SharedReads();
  private spilled = 0;
  /** Sets of topics that so many known topics match that it is cheaper to walk through the log. */
  private readonly wide = new WeakSet<TopicSet>();

  constructor(private readonly options: WindowOptions) {
    this.now = options.now ?? (() => performance.now());
    this.shares = new PublisherShares(options.bytesPerPublisher);
    this.topics = new KnownTopics(0, options.retentionOf);
  }

  get events(): number {
    return this.live;
  }

  /** How much memory it takes: events, topics and what is known of topics without events. */
  get bytes(): number {
    return this.bytesHeld + this.topics.bytes;
  }

  get knownTopics(): number {
    return this.topics.size;
  }

  /**
   * What is lost up to here may be lost for want of memory, or because this node was not there, and may be had elsewhere;
   * what is lost after it is lost by the rules. 0 if nobody else keeps anything.
   */
  get recoverable(): number {
    return this.isBacked ? this.spilled : 0;
  }

  /** Starts over: the window holds nothing, and knows nothing up to `sequence`. */
  reset(sequence: number): void {
    this.topics = new KnownTopics(sequence, this.options.retentionOf);
    this.sizes = new SizeClasses();
    this.lanes = new Lanes();
    this.shares = new PublisherShares(this.options.bytesPerPublisher);
    this.live = this.bytesHeld = this.pinnedBytes = 0;
    this.head = this.spilled = this.newestLoss = sequence;
    this.journal.reset(sequence);
    this.reads.clear();
  }

  /** Appends the next event of the log, and lets go of what it displaces. */
  add(event: LogEvent): void {
    const history = this.topics.get(event.topic) ?? this.topics.add(event.topic);
    this.head = event.sequence;
    this.reads.clear();
    if (history.retention.events <= 0) {
      this.lose(history, event.sequence);
      this.idle(history);
      this.fit();
      return;
    }
    const bytes = heldBytes(event);
    const entry: Entry = { sequence: event.sequence, event, history, arrived: Math.floor(this.now()), bytes };
    if (history.entries.length === 0) this.topics.filled(history);
    history.entries.push(entry);
    this.lanes.push(entry);
    this.live++;
    this.resize(history, bytes);
    const { state, events } = history.retention;
    if (history.entries.length > events) {
      // The newest event is the state: the one before is out of date, and nobody has lost it.
      if (state) this.remove(history.entries.first!);
      else this.evict(history.entries.first!);
    }
    if (!this.isPinned(history)) for (const own of this.shares.add(entry)) this.spill(own);
    this.fit();
  }

  /** Lets go of what is too old. Returns the milliseconds until the next event is; `undefined` if none ever will be. */
  expire(): number | undefined {
    return this.lanes.expire(this.now(), (entry) => this.evict(entry));
  }

  /** The newest sequence that anything matching `pattern` has lost from this window; 0 if nothing. */
  lostThrough(pattern: string): number {
    const history = this.topics.get(pattern);
    return history ? history.node.lost : this.topics.tree.lostThrough(pattern);
  }

  /** As `lostThrough`, without the topics of which the newest event is there. */
  newestLostThrough(pattern: string): number {
    return this.topics.tree.lostOf(pattern, hasEvents);
  }

  /** Finds what `lostThrough` says, or `newestLostThrough`, if that is more than `known`: as a walk that may be interrupted. */
  losses(pattern: string, known: number, isNewestOnly: boolean): Generator<void, number> {
    return this.topics.tree.losses(pattern, known, isNewestOnly ? hasEvents : undefined);
  }

  /** Whether any event of a topic is retained. */
  has(topic: string): boolean {
    const history = this.topics.get(topic);
    return history !== undefined && hasEvents(history);
  }

  /**
   * The retained events of `topics` after `after`, in order, up to and including `through`, as far as the limit goes. The
   * same array for all who ask before the window changes.
   */
  read(topics: TopicSet, after: number, through: number, limit: ReadLimit): ReadResult {
    const key = `${after} ${through} ${limit.bytes} ${limit.entries} ${topics.key}`;
    return this.reads.get(key, () => this.find(topics, after, through, limit));
  }

  private find(topics: TopicSet, after: number, through: number, limit: ReadLimit): ReadResult {
    const histories = this.gather(topics);
    const reader = new EntryReader(through, limit);
    if (!histories) return reader.walk(merge(this.lanes.all, after), topics);
    const found = histories.map(({ entries }) => entries);
    return reader.take(merge(found, after), histories);
  }

  /** As `read`, but of each topic only what was its newest event as of a sequence. */
  readNewest(topics: TopicSet, asOf: number, after: number, through: number, limit: ReadLimit): ReadResult {
    const histories = this.gather(topics);
    const reader = new EntryReader(Math.min(through, asOf), limit);
    const isNewest = ({ event }: Entry) => !this.isOutdated(event, asOf);
    if (!histories) return reader.walk(merge(this.lanes.all, after), topics, isNewest);
    const newest = histories.flatMap(({ entries }) => {
      const entry = entries.at(entries.after(asOf) - 1);
      return entry && entry.sequence > after ? [entry] : [];
    });
    return reader.take(newest.sort(bySequence), histories);
  }

  /** Whether, as of a sequence, a newer event of its topic is retained. */
  isOutdated(event: LogEvent, asOf: number): boolean {
    const entries = this.topics.get(event.topic)?.entries;
    const newest = entries?.at(entries.after(asOf) - 1);
    return newest !== undefined && newest.sequence > event.sequence;
  }

  /** The known topics among `topics`; `undefined` if finding them costs more than walking through the log. */
  private gather(topics: TopicSet): TopicHistory[] | undefined {
    if (this.wide.has(topics)) return undefined;
    const histories = new Set<TopicHistory>();
    for (const pattern of topics.patterns) {
      const history = this.topics.get(pattern);
      if (history) histories.add(history);
    }
    const effort = gatherEffort / topics.wildcardCount;
    for (const wildcard of topics.wildcards) {
      const selected = this.topics.tree.select(wildcard, effort);
      if (!selected) {
        this.wide.add(topics);
        return undefined;
      }
      selected.forEach((history) => histories.add(history));
    }
    return [...histories];
  }

  private lose(history: TopicHistory, sequence: number): void {
    this.topics.tree.lose(history.node, sequence);
    this.newestLoss = Math.max(this.newestLoss, sequence);
    this.journal.add(sequence, history.topic);
    this.reads.clear();
  }

  /** Whether a topic's events are never evicted: they are state, and this window is the only place that has it. */
  private isPinned({ retention }: TopicHistory): boolean {
    return retention.state !== undefined && !this.isBacked;
  }

  /** Lets go of what the rules would keep. */
  private spill(entry: Entry): void {
    this.spilled = Math.max(this.spilled, entry.sequence);
    this.evict(entry);
  }

  private evict(entry: Entry): void {
    const { history } = entry;
    this.lose(history, entry.sequence);
    this.remove(entry);
    if (history.entries.length === 0) this.idle(history);
  }

  private remove(entry: Entry): void {
    const { history } = entry;
    const lane = this.lanes.of(entry);
    history.entries.remove(entry);
    if (!this.isPinned(history)) this.shares.remove(entry);
    this.live--;
    this.resize(history, -entry.bytes);
    entry.event = nothing;
    this.lanes.clean(lane, this.live);
  }

  private idle(history: TopicHistory): void {
    const { topics } = this;
    topics.emptied(history);
    if (topics.emptyCount > this.options.emptyTopics) topics.forget();
  }

  /** Lets go of so much that the rest fits in the memory that there is. */
  private fit(): void {
    const bytes = this.options.bytes + this.pinnedBytes;
    while (this.bytes > bytes) {
      const largest = this.sizes.largest();
      const { emptyCount, emptyBytes } = this.topics;
      if (emptyCount > 0 && (!largest || emptyBytes > bytes * emptyPart)) this.topics.forget();
      else if (largest) this.spill(largest.entries.first!);
      else return;
    }
  }

  private resize(history: TopicHistory, by: number): void {
    const before = history.bytes;
    history.bytes += by;
    this.bytesHeld += by;
    if (this.isPinned(history)) this.pinnedBytes += by + pinnedTopicBytes(history, before);
    else this.sizes.moved(history, before);
  }
}

/** What a topic itself takes whose events are pinned, when it gets its first event; negative when its last one goes. */
function pinnedTopicBytes({ topic, bytes }: TopicHistory, before: number): number {
  if (before > 0 === bytes > 0) return 0;
  return (bytes > 0 ? 1 : -1) * (topicBytes(topic) + nodesBytes);
}
