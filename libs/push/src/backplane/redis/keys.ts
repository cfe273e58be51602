/**
 * The keys of one log. A server may evict any of them, alone: what is not there is not known. They share a hash tag, so that Redis Cluster keeps them on one node, where one script can reach
 * them all.
 */
export class Keys {
  /**
   * Hash: `epoch`, `run` (of the server), `sequence` (of the newest event), `start` (of the epoch), `jumps` ("base target,"
   * for each time the server changed: no event stands between the two), `born` (the epoch that it was made with), `states`
   * (whether there ever was a state topic), `floors` ("pattern sequence " for each rule of which removals were dropped), and
   * `writer …` for each node: number and time of the last batch that it stored, and the sequences that its events got.
   */
  readonly log: string;
  /** Stream: an entry for each epoch that begins, which wakes every reader. */
  readonly epochs: string;
  /** Sorted set: topics by the sequence of their newest event. Its mark: up to where those may have had events that it does not name. */
  readonly topics: string;
  /** Sorted set: the same topics, and the mark, by name. */
  readonly names: string;
  /** Sorted sets, as `topics` and `names`: the state topics. */
  readonly states: string;
  readonly stateNames: string;
  /** Sorted set: state topics whose newest event is a removal, by the time at which it is to be dropped. */
  readonly tombstones: string;
  /** Pub/Sub channel for what is not stored. */
  readonly channel: string;
  /** What the keys of all topics begin with. */
  readonly topicPrefix: string;
  private readonly tag: string;

  constructor(prefix: string) {
    this.tag = `{${prefix}}:`;
    this.log = `${this.tag}log`;
    this.epochs = `${this.tag}epochs`;
    this.topics = `${this.tag}topics`;
    this.names = `${this.tag}names`;
    this.states = `${this.tag}states`;
    this.stateNames = `${this.tag}state-names`;
    this.tombstones = `${this.tag}tombstones`;
    this.channel = `${this.tag}channel`;
    this.topicPrefix = `${this.tag}topic:`;
  }

  /** What a batch is written to, besides its topics' lists and its message ids. */
  written(epoch: string): string[] {
    const { log, topics, names, states, stateNames, tombstones } = this;
    return [log, this.feed(epoch), topics, names, states, stateNames, tombstones];
  }

  /** Stream: the newest events of an epoch, that every node tails. */
  feed(epoch: string): string {
    return `${this.tag}feed:${epoch}`;
  }

  /** List: "sequence 0 born", up to where a topic's events are gone, then those that are retained. */
  topic(topic: string): string {
    return this.topicPrefix + topic;
  }

  /** String: "sequence born" of the event that was published with a message id. */
  messageId(id: string): string {
    return `${this.tag}message:${id}`;
  }

  /** String: a value that is taken once. */
  once(key: string): string {
    return `${this.tag}once:${key}`;
  }
}
