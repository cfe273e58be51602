import { runSource, type RunView } from '../bindings/run.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PayloadOf, ResultOf } from '../protocol/topic-types.js';
import type { Skip } from './topic.js';
import { useSource } from './use-source.js';

/**
 * What runs in a topic, from its beginning to its end, whenever the component comes to it, as `runOf` has it.
 *
 * ```tsx
 * const { text, status, state } = useRun('answers.42');
 * ```
 *
 * @param topic an exact topic; nothing is read while it is `undefined`, `null`, `false` or empty
 */
export function useRun<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
): RunView<PayloadOf<Topics, Topic>, ResultOf<Topics, Topic>>;
/** The same for data of types that are not declared: `useRun<Chunk, Result>('answers.42')`. */
export function useRun<Chunk = never, Result = Chunk>(topic: TopicOf<Chunk> | Skip): RunView<Chunk, Result>;
export function useRun<Chunk, Result>(topic: string | Skip): RunView<Chunk, Result> {
  const [view] = useSource(topic, (push, topic) => runSource<Chunk, Result>(push, topic));
  return view;
}
