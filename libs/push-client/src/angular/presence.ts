import { presenceSource, type PresenceView } from '../bindings/presence.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { PresenceOptions } from '../live-presence.js';
import type { DeclaredTopic, PresenceOf } from '../protocol/topic-types.js';
import { injectPush } from './client.js';
import { injectView, type Signals, type Skip, type TopicArgument, type TopicRef } from './source.js';

/** What {@link injectPresence} returns. */
export interface PresenceSignals<Data> extends Signals<PresenceView<Data>> {
  /**
   * Says something about this page that the others see: any JSON, 1 KiB at most; `null` takes it back. It is said again when the
   * connection comes back, and in the next topic. What the server refuses goes to the client's `onError`.
   *
   * @throws PushError `DATA_NOT_SERIALIZABLE`
   */
  readonly set: (data: Data | null) => void;
}

/**
 * Who reads a topic. The page is there too, until the component is destroyed.
 *
 * ```ts
 * readonly room = injectPresence('rooms.42'); // room.users(), room.count()
 * typing = () => this.room.set({ typing: true });
 * ```
 *
 * @param topic an exact topic; the server's rule for it needs `presence`
 * @param options with `join: false` it only looks, until it calls `set`
 */
export function injectPresence<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
  options?: Pick<PresenceOptions, 'join'>,
): PresenceSignals<PresenceOf<Topics, Topic>>;
/** The same for a signal or function of one. */
export function injectPresence<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
  options?: Pick<PresenceOptions, 'join'>,
): PresenceSignals<PresenceOf<Topics, Topic>>;
/** The same for data of a type that is not declared: `injectPresence<Status>('rooms.42')`. */
export function injectPresence<Data = never>(
  topic: TopicArgument<TopicOf<Data>>,
  options?: Pick<PresenceOptions, 'join'>,
): PresenceSignals<Data>;
export function injectPresence<Data>(
  topic: TopicArgument<string>,
  { join = true }: Pick<PresenceOptions, 'join'> = {},
): PresenceSignals<Data> {
  const push = injectPush();
  /** What is said, also before it is open; `undefined` until then. */
  let said: Data | null | undefined;
  const { view, live } = injectView(
    topic,
    (name) => presenceSource<Data>(push, name, join),
    (presence) => said !== undefined && presence.set(said),
  );
  const set = (data: Data | null) => {
    said = data;
    live()?.set(data);
  };
  return { ...view, set };
}
