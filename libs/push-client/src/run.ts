/* The entry for runs: it works with `connect` and with `connectWith`. */

import type { PushClient } from './connect.js';
import type { TopicOf } from './declared-topics.js';
import type { ListenOptions } from './listeners.js';
import { LiveRun, type RunClient } from './live-run.js';
import type { DeclaredTopic, PayloadOf, ResultOf } from './protocol/topic-types.js';

/**
 * What runs in a topic: an answer that is written, an export, a job. It is read from its beginning, whenever the page comes to it,
 * and goes on over reloads and reconnects, up to its end.
 *
 * ```ts
 * const run = runOf<string>(push, 'answers.42');
 * run.onChange(() => show(run.text, run.status, run.state?.progress));
 * const { reason } = await run.finished;
 * ```
 *
 * Where chunks are gone, `gap` says why, and once the run has ended its `result` takes their place, if it has one. Starting and
 * cancelling are routes of the application.
 *
 * @param topic an exact topic, finite by the server's rules
 * @param options `signal` closes the view
 */
export function runOf<const Topic extends string, Topics extends object>(
  push: PushClient<Topics>,
  topic: DeclaredTopic<Topics, Topic>,
  options?: ListenOptions,
): LiveRun<PayloadOf<Topics, Topic>, ResultOf<Topics, Topic>>;
/** The same for data of a type that the client does not declare: `runOf<Chunk, Result>(push, 'answers.42')`. */
export function runOf<Chunk = never, Result = Chunk>(
  push: RunClient,
  topic: TopicOf<Chunk>,
  options?: ListenOptions,
): LiveRun<Chunk, Result>;
export function runOf<Chunk, Result>(
  push: RunClient,
  topic: string,
  { signal }: ListenOptions = {},
): LiveRun<Chunk, Result> {
  return new LiveRun(push, topic, signal);
}

export type { ListenOptions } from './listeners.js';
export { LiveRun, type RunClient, type RunState, type RunStatus } from './live-run.js';
export type { GapNotice, GapReason } from './protocol/gap.js';
export type { Ended, PushEvent } from './protocol/messages.js';
export { PushError } from './push-error.js';
