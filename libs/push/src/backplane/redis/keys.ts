/**
 * The keys of one log. They share a hash tag, so that Redis Cluster keeps them on one node, where one script can reach
 * them all.
 */
export class Keys {
  /** Hash: `epoch`, `run` (of the server), `sequence` (of the newest event), `start` (of the epoch), `floor`. */
  readonly log: string;
  /** Stream: an entry for each epoch that begins, which wakes every reader. */
  readonly epochs: string;
  /** List: "base start", for each time the server changed: no event stands between the two. */
  readonly runs: string;
  /** Sorted set: topics by the sequence of their newest event. */
  readonly topics: string;
  /** Sorted set: the same topics, by name. */
  readonly names: string;
  /** Pub/Sub channel for what is not stored. */
  readonly channel: string;
  /** What the keys of all topics begin with. */
  readonly topicPrefix: string;
  private readonly tag: string;

  constructor(prefix: string) {
    this.tag = `{${prefix}}:`;
    this.log = `${this.tag}log`;
    this.epochs = `${this.tag}epochs`;
    this.runs = `${this.tag}runs`;
    this.topics = `${this.tag}topics`;
    this.names = `${this.tag}names`;
    this.channel = `${this.tag}channel`;
    this.topicPrefix = `${this.tag}topic:`;
  }

  /** Stream: the newest events of an epoch, that every node tails. */
  feed(epoch: string): string {
    return `${this.tag}feed:${epoch}`;
  }

  /** List: the retained events of a topic, and before them one that is gone, if any is. */
  topic(topic: string): string {
    return this.topicPrefix + topic;
  }

  /** String: the sequence of the event that was published with a message id. */
  messageId(id: string): string {
    return `${this.tag}message:${id}`;
  }

  /** String: a value that is taken once. */
  once(key: string): string {
    return `${this.tag}once:${key}`;
  }

  /** String: the number of the last batch that a node stored, and the sequences that its events got. */
  writer(id: string): string {
    return `${this.tag}writer:${id}`;
  }
}
