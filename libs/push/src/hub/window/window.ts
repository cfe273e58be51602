import type { LogEvent } from '../../contracts/event.js';
import { EventMemory } from './event-memory.js';
import { KnownTopics } from './known-topics.js';
import { isEnd } from '../../contracts/end.js';
import { isRemoval } from '../../contracts/state.js';
import { Lanes } from './lanes.js';
import { LossJournal } from './loss-journal.js';
import { merge } from './merge.js';
import { SharedReads } from './shared-reads.js';
import { EntryReader, type ReadLimit, type ReadResult } from './entry-reader.js';
import { PublisherShares } from './publisher-shares.js';
import { Entry, hasNewest, indexOfNewest } from './topic-history.js';
import type { Newest, TopicHistory } from './topic-history.js';
import type { TopicSet } from '../topics/topic-set.js';
import type { WindowOptions } from './window-options.js';

/** Topics without events may take this share of the memory before they are forgotten. */
const emptyShare = 1 / 8;

/** If finding the topics that patterns match takes more steps than this, it is cheaper to look at every entry of the log. */
const maxGatherSteps = 2_048;

/**
 * The recent part of the log, in memory. It keeps events by topic, under one bound for all, and knows for each pattern which
 * events it has lost. It is synchronous: during one turn of the event loop it changes only by its own methods.
 */
export class Window {
  private topics: KnownTopics;
  private memory = new EventMemory();
  private lanes = new Lanes();
  private shares: PublisherShares;
  /** Retained events. */
  private live = 0;
  private readonly now: () => number;

  /** How far the window follows the log: the newest sequence that it was given, with or without an event. */
  head = 0;
  /** The sequence of the newest event that was lost, of all topics. */
  newestLoss = 0;
  /** The newest removal of a state that was dropped because it was too old. */
  droppedRemoval = 0;
  /** The latest losses, one by one. */
  readonly journal = new LossJournal();
  /** Whether the backplane keeps what the retention rules keep, so that what the window loses may be read there. */
  hasHistory = false;
  /** Results of reads, shared until the window changes. */
  readonly reads = new SharedReads();
  /** The sequence of the newest event that was evicted although its retention rule would have kept it. */
  private spilled = 0;
  /** Sets of topics that match so many known topics that it is cheaper to look at every entry of the log. */
  private readonly wide = new WeakSet<TopicSet>();

  constructor(private readonly options: WindowOptions) {
    this.now = options.now ?? (() => performance.now());
    this.shares = new PublisherShares(options.bytesPerPublisher);
    this.topics = new KnownTopics(0, options.retentionOf);
  }

  /** How many events are retained. */
  get events(): number {
    return this.live;
  }

  /** About how much memory it takes, in bytes: events, and known topics with or without events. */
  get bytes(): number {
    return this.memory.bytes + this.topics.bytes;
  }

  /** How many topics are known, with or without retained events. */
  get knownTopics(): number {
    return this.topics.size;
  }

  /**
   * Events up to this sequence that the window has lost may still be in the backplane: the window lacked memory, or this node
   * did not follow the log then. Later losses were due to the retention rules, and are final. 0 without a history.
   */
  get recoverable(): number {
    return this.hasHistory ? this.spilled : 0;
  }

  /** Starts over without events: everything up to `sequence` counts as lost. */
  reset(sequence: number): void {
    this.topics = new KnownTopics(sequence, this.options.retentionOf);
    this.memory = new EventMemory();
    this.lanes = new Lanes();
    this.shares = new PublisherShares(this.options.bytesPerPublisher);
    this.live = 0;
    this.head = this.spilled = this.newestLoss = this.droppedRemoval = sequence;
    this.journal.reset(sequence);
    this.reads.clear();
  }

  /**
   * Appends the next event of the log, and evicts what has to go for it.
   *
   * @returns the event as it is kept, which whoever holds it for a while should hold; the event itself if it is not kept
   */
  add(event: LogEvent): LogEvent {
    const history = this.topics.get(event.topic) ?? this.topics.add(event.topic);
    this.head = event.sequence;
    this.reads.clear();
    if (history.retention.events > 0) return this.keep(new Entry(event, history, Math.floor(this.now())));
    history.end = undefined;
    this.lose(history, event.sequence);
    this.idle(history);
    this.fit();
    return event;
  }

  private keep(entry: Entry): Entry {
    const { history } = entry;
    history.end = isEnd(entry) ? entry : undefined;
    if (history.entries.length === 0) this.topics.filled(history);
    history.entries.push(entry);
    this.lanes.push(entry);
    this.live++;
    const isPinned = this.isPinned(history);
    this.memory.resize(history, entry.bytes, isPinned);
    const { entries, retention } = history;
    if (history.isReplacedBy(entry)) while (entries.length > 1) this.remove(entries.first!);
    else if (entries.length > retention.events) this.evict(entries.first!);
    if (!isPinned && entry.publisher !== undefined) this.share(entry, entry.publisher);
    this.fit();
    return entry;
  }

  /** Counts an entry for its publisher, which gives up its own oldest ones for it. */
  private share(entry: Entry, publisher: string): void {
    this.shares.add(entry);
    for (let own = this.shares.excess(publisher); own; own = this.shares.excess(publisher)) this.spill(own);
  }

  /** Evicts events that are too old. Returns the milliseconds until the next one will be; `undefined` if none ever will. */
  expire(): number | undefined {
    return this.lanes.expire(this.now(), (entry) => {
      if (isEnd(entry)) entry.history.end = undefined;
      this.evict(entry);
    });
  }

  /** The sequence of the newest event that `pattern` matches and this window has lost; 0 if it has lost none. */
  lostThrough(pattern: string): number {
    const history = this.topics.get(pattern);
    return history ? history.node.lost : this.topics.tree.lostThrough(pattern);
  }

  /** As `lostThrough`, without the topics whose newest `count` events are retained. */
  newestLostThrough(pattern: string, count: number): number {
    return this.topics.tree.lostOf(pattern, (history) => hasNewest(history, count));
  }

  /**
   * As `lostThrough` (`newestLostThrough` if there is a `count`), as a search that can be interrupted. It need not find losses
   * up to `known`.
   */
  losses(pattern: string, known: number, count: number | undefined): Generator<void, number> {
    const isLeftOut = count === undefined ? undefined : (each: TopicHistory) => hasNewest(each, count);
    return this.topics.tree.losses(pattern, known, isLeftOut);
  }

  /** Whether the newest `count` events of a topic are retained. */
  has(topic: string, count: number): boolean {
    const history = this.topics.get(topic);
    return history !== undefined && hasNewest(history, count);
  }

  /** What is known of each topic. It may change during the iteration. */
  get histories(): Iterable<TopicHistory> {
    return this.topics.histories;
  }

  /** What is known of a topic; `undefined` if nothing is. */
  historyOf(topic: string): TopicHistory | undefined {
    return this.topics.get(topic);
  }

  /**
   * The retained events of `topics` from after `after` up to and including `through`, in order, as far as the limit allows.
   * Until the window changes, all readers with the same arguments get the same array.
   */
  read(topics: TopicSet, after: number, through: number, limit: ReadLimit): ReadResult {
    const key = `${after} ${through} ${limit.bytes} ${limit.entries} ${topics.key}`;
    return this.reads.get(key, () => this.find(topics, after, through, limit));
  }

  private find(topics: TopicSet, after: number, through: number, limit: ReadLimit): ReadResult {
    const histories = this.gather(topics);
    const reader = new EntryReader(through, limit);
    if (!histories) return reader.walk(this.lanes.after(after), topics);
    const found = histories.map((history) => history.entries);
    const entries = merge(found, (each) => each.after(after));
    return reader.take(entries, histories);
  }

  /** As `read`, but of each topic only its newest events. */
  readNewest(topics: TopicSet, newest: Newest, after: number, through: number, limit: ReadLimit): ReadResult {
    const histories = this.gather(topics);
    const reader = new EntryReader(Math.min(through, newest.asOf), limit);
    if (!histories)
      return reader.walk(this.lanes.after(after), topics, (entry) => !this.isOutdated(entry, newest));
    const found = histories.map(({ entries }) => entries);
    return reader.take(
      merge(found, (each) => Math.max(each.after(after), indexOfNewest(each, newest))),
      histories,
    );
  }

  /** The newest retained event of `topics`, up to and including `asOf`, or a sequence after it that is not after `asOf`. */
  newestOf(topics: TopicSet, asOf: number): number {
    const histories = this.gather(topics);
    if (!histories) return asOf;
    let newest = 0;
    for (const { entries } of histories)
      newest = Math.max(newest, entries.at(entries.after(asOf) - 1)?.sequence ?? 0);
    return newest;
  }

  /** Whether so many newer events of its topic are retained that it is not one of the newest. */
  isOutdated(event: LogEvent, newest: Newest): boolean {
    const history = this.topics.get(event.topic);
    const index = history ? indexOfNewest(history.entries, newest) : -1;
    return index >= 0 && history!.entries.at(index)!.sequence > event.sequence;
  }

  /** The known topics that `topics` match; `undefined` if it costs less to look at every entry of the log. */
  private gather(topics: TopicSet): TopicHistory[] | undefined {
    if (this.wide.has(topics)) return undefined;
    const histories = new Set<TopicHistory>();
    for (const pattern of topics.patterns) {
      const history = this.topics.get(pattern);
      if (history) histories.add(history);
    }
    const effort = maxGatherSteps / topics.wildcardCount;
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

  /** Whether the events of a topic are never evicted: they are state that is kept nowhere else. */
  private isPinned({ retention }: TopicHistory): boolean {
    return retention.state !== undefined && !this.hasHistory;
  }

  /** Evicts an entry that its retention rule would keep: memory is short. */
  private spill(entry: Entry): void {
    this.spilled = Math.max(this.spilled, entry.sequence);
    this.evict(entry);
  }

  private evict(entry: Entry): void {
    const { history } = entry;
    if (history.retention.state && isRemoval(entry))
      this.droppedRemoval = Math.max(this.droppedRemoval, entry.sequence);
    this.lose(history, entry.sequence);
    this.remove(entry);
    if (history.entries.length === 0) this.idle(history);
  }

  private remove(entry: Entry): void {
    const { history } = entry;
    history.entries.remove(entry);
    if (!this.isPinned(history)) this.shares.remove(entry);
    this.live--;
    this.memory.resize(history, -entry.bytes, this.isPinned(history));
    this.lanes.remove(entry, this.live);
  }

  private idle(history: TopicHistory): void {
    const { topics } = this;
    topics.emptied(history);
    if (topics.emptyCount > this.options.emptyTopics) topics.forget();
  }

  /** Evicts events, and forgets idle topics, until the rest fits in the memory. */
  private fit(): void {
    const bytes = this.options.bytes + this.memory.pinnedBytes;
    while (this.bytes > bytes) {
      const largest = this.memory.largest();
      const { emptyCount, emptyBytes } = this.topics;
      if (emptyCount > 0 && (!largest || emptyBytes > bytes * emptyShare)) this.topics.forget();
      else if (largest) this.spill(largest.entries.first!);
      else return;
    }
  }
}
