import { stateSource, type StateView } from '../bindings/state.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { StateStart } from '../live-state.js';
import type { DeclaredTopic, PayloadOf } from '../protocol/topic-types.js';
import type { SuspendOption } from './suspense.js';
import type { Skip } from './topic.js';
import { useSource } from './use-source.js';

/** Options of `useStateMap`. */
export interface UseStateMapOptions<Data = unknown> extends SuspendOption {
  /** What a server has rendered: it is there from the first rendering on, and the page goes on after its id. */
  readonly start?: StateStart<Data>;
}

/**
 * What the topics of a pattern are now, topic → data, as `stateOf` has it. `entries` is the same object until something changes.
 *
 * ```tsx
 * const { entries, isLive, error } = useStateMap('rooms.42.items.*');
 * ```
 *
 * @param pattern a topic or pattern; nothing is read while it is `undefined`, `null`, `false` or empty
 */
export function useStateMap<const Pattern extends string, Topics extends PushTopics>(
  pattern: DeclaredTopic<Topics, Pattern> | Skip,
  options?: UseStateMapOptions<PayloadOf<Topics, Pattern>>,
): StateView<PayloadOf<Topics, Pattern>>;
/** The same for data of a type that is not declared: `useStateMap<Item>('rooms.42.items.*')`. */
export function useStateMap<Data = never>(
  pattern: TopicOf<Data> | Skip,
  options?: UseStateMapOptions<NoInfer<Data>>,
): StateView<Data>;
export function useStateMap<Data>(
  pattern: string | Skip,
  { start, suspend }: UseStateMapOptions<Data> = {},
): StateView<Data> {
  const [view] = useSource(pattern, (push, pattern) => stateSource<Data>(push, pattern, start), {
    isThere: suspend && (({ isLive }) => isLive || start !== undefined),
  });
  return view;
}
