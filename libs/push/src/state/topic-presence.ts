import type { PresenceChange, PresenceMember, PresenceUser, TopicPresence } from '../bus/presence.js';
import { HandledEvents } from '../bus/handled-events.js';
import { RunningCalls } from '../bus/running-calls.js';
import type { PresenceNode } from './presence-node.js';

/** Who reads a topic, as this node knows it. */
export class LiveTopicPresence implements TopicPresence {
  readonly changes: HandledEvents<PresenceChange>;

  /**
   * @param onEnd is called with what ends `changes`, and returns what forgets that
   * @param onError takes the errors of observers
   */
  constructor(
    private readonly topic: string,
    private readonly node: PresenceNode,
    onEnd: (end: () => void) => () => void,
    onError: (error: unknown) => void,
  ) {
    this.changes = new HandledEvents<PresenceChange>(new RunningCalls(onError), (subscriber) => {
      const unwatch = node.watch(topic, (changes) => {
        for (const change of changes) subscriber.next(change);
      });
      const forget = onEnd(() => subscriber.complete());
      return () => {
        unwatch();
        forget();
      };
    });
  }

  get count(): number {
    return this.node.room(this.topic)?.count ?? 0;
  }

  members(): PresenceMember[] {
    return this.node.room(this.topic)?.members() ?? [];
  }

  users(): PresenceUser[] {
    return this.node.room(this.topic)?.users() ?? [];
  }
}
