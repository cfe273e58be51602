import { runSource, type RunView } from '../bindings/run.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PayloadOf, ResultOf } from '../protocol/topic-types.js';
import { usePush } from './client.js';
import { refsOf, useSource, type Refs, type Skip, type TopicArgument, type TopicRef } from './source.js';

/**
 * What runs in a topic, from its beginning to its end: an answer that is written, an export, a job.
 *
 * ```ts
 * const { text, status, state } = useRun<string>(() => `answers.${props.id}`);
 * ```
 *
 * @param topic an exact topic, finite by the server's rules
 */
export function useRun<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
): Refs<RunView<PayloadOf<Topics, Topic>, ResultOf<Topics, Topic>>>;
/** The same for a ref or getter of one. */
export function useRun<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
): Refs<RunView<PayloadOf<Topics, Topic>, ResultOf<Topics, Topic>>>;
/** The same for data of a type that is not declared: `useRun<Chunk, Result>('answers.42')`. */
export function useRun<Chunk = never, Result = Chunk>(
  topic: TopicArgument<TopicOf<Chunk>>,
): Refs<RunView<Chunk, Result>>;
export function useRun<Chunk, Result>(topic: TopicArgument<string>): Refs<RunView<Chunk, Result>> {
  const push = usePush();
  return refsOf(useSource(topic, (name) => runSource<Chunk, Result>(push, name)).value);
}
