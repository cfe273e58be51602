import type { TopicRetention } from '../../contracts/retention.js';
import { topicBytes } from './held-bytes.js';
import { OrderedSet } from './ordered-set.js';
import { TopicHistory } from './topic-history.js';
import { TopicTree } from './topic-tree.js';

/** The topics that the window knows: those with events and, while there is room, those whose events are all gone. */
export class KnownTopics {
  readonly tree: TopicTree<TopicHistory>;
  private readonly all = new Map<string, TopicHistory>();
  /** Topics whose events are all gone, longest idle first. */
  private readonly empty = new OrderedSet<TopicHistory>();
  private allBytes = 0;
  /** About how much memory the topics without events take. */
  emptyBytes = 0;

  /** @param floor everything up to this sequence counts as lost from the start */
  constructor(
    floor: number,
    private readonly retentionOf: (topic: string) => TopicRetention,
  ) {
    this.tree = new TopicTree(floor);
  }

  get size(): number {
    return this.all.size;
  }

  get histories(): Iterable<TopicHistory> {
    return this.all.values();
  }

  /** About how much memory all topics take, without their events. */
  get bytes(): number {
    return this.allBytes + this.tree.bytes;
  }

  /** How many topics have no events. */
  get emptyCount(): number {
    return this.empty.size;
  }

  get(topic: string): TopicHistory | undefined {
    return this.all.get(topic);
  }

  /** Adds a topic, which has no events yet. */
  add(topic: string): TopicHistory {
    const node = this.tree.grow(topic);
    const history = new TopicHistory(topic, this.retentionOf(topic), node);
    node.value = history;
    this.all.set(topic, history);
    this.allBytes += topicBytes(topic);
    this.emptied(history);
    return history;
  }

  /** A topic has no events any more, or it got one that was not kept: it counts as idle from now on. */
  emptied(history: TopicHistory): void {
    this.filled(history);
    this.empty.add(history);
    this.emptyBytes += topicBytes(history.topic);
  }

  /** A topic without events has got some. */
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
