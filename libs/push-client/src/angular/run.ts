import { runSource, type RunView } from '../bindings/run.js';
import type { PushTopics, TopicOf } from '../declared-topics.js';
import type { DeclaredTopic, PayloadOf, ResultOf } from '../protocol/topic-types.js';
import { injectPush } from './client.js';
import { injectView, type Signals, type Skip, type TopicArgument, type TopicRef } from './source.js';

/**
 * What runs in a topic, from its beginning to its end: an answer that is written, an export, a job.
 *
 * ```ts
 * readonly answer = injectRun<string>(() => `answers.${this.id()}`); // answer.text(), answer.status()
 * ```
 *
 * @param topic an exact topic, finite by the server's rules
 */
export function injectRun<const Topic extends string, Topics extends PushTopics>(
  topic: DeclaredTopic<Topics, Topic> | Skip,
): Signals<RunView<PayloadOf<Topics, Topic>, ResultOf<Topics, Topic>>>;
/** The same for a signal or function of one. */
export function injectRun<const Topic extends string, Topics extends PushTopics>(
  topic: TopicRef<DeclaredTopic<Topics, Topic>>,
): Signals<RunView<PayloadOf<Topics, Topic>, ResultOf<Topics, Topic>>>;
/** The same for data of a type that is not declared: `injectRun<Chunk, Result>('answers.42')`. */
export function injectRun<Chunk = never, Result = Chunk>(
  topic: TopicArgument<TopicOf<Chunk>>,
): Signals<RunView<Chunk, Result>>;
export function injectRun<Chunk, Result>(topic: TopicArgument<string>): Signals<RunView<Chunk, Result>> {
  const push = injectPush();
  return injectView(topic, (name) => runSource<Chunk, Result>(push, name)).view;
}
