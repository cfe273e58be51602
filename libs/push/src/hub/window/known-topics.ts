import type { TopicRetention } from '../../contracts/retention.js';
import { topicBytes } from './held-bytes.js';
import { OrderedSet } from './ordered-set.js';
import { TopicHistory } from './topic-history.js';
import { TopicTree } from './topic-tree.js';

/** The topics that the window knows: those with events, and for as long as there is room those that had some. */
export class KnownTopics {
  readonly tree: TopicTree<TopicHistory>;
  private readonly all = new Map<string, TopicHistory>();
  /** Topics whose events are all gone, longest idle first. */
  private readonly empty = new OrderedSet<TopicHistory>();
  private allBytes = 0;
  /** About how much memory those without events take. */
  emptyBytes = 0;

  /** @param floor everything up to this sequence is lost from the start */
  constructor(
    floor: number,
    private readonly retentionOf: (topic: string) => TopicRetention,
  ) {
    this.tree = new TopicTree(floor);
  }

  get size(): number {
    return this.all.size;
  }

  /** About how much memory they take, without their events. */
  get bytes(): number {
    return this.allBytes + this.tree.bytes;
  }

  /** How many have no events. */
  get emptyCount(): number {
    return this.empty.size;
  }

  get(topic: string): TopicHistory | undefined {
    return this.all.get(topic);
  }

  /** Notes a topic, which has no events yet. */
  add(topic: string): TopicHistory {
    const node = this.tree.grow(topic);
    const history = new TopicHistory(topic, this.retentionOf(topic), node);
    node.value = history;
    this.all.set(topic, history);
    this.allBytes += topicBytes(topic);
    this.emptied(history);
    return history;
  }

  /** A topic has no events any more, or again. */
  emptied(history: TopicHistory): void {
    this.filled(history);
    this.empty.add(history);
    this.emptyBytes += topicBytes(history.topic);
  }

  /** A topic has got events. */
  filled(history: TopicHistory): void {
    if (this.empty.delete(history)) this.emptyBytes -= topicBytes(history.topic);
  }

  /** Forgets the topic that has been without events for longest. */
  forget(): void {
    const oldest = this.empty.first!;
    this.filled(oldest);
    this.all.delete(oldest.topic);
    this.allBytes -= topicBytes(oldest.topic);
    oldest.node.value = undefined;
    this.tree.forget(oldest.node);
  }
}
