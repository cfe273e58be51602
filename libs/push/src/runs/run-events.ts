import { endOf } from '../contracts/end.js';
import type { EventMeta } from '../contracts/event-meta.js';
import type { LogEvent } from '../contracts/event.js';
import { topicOfRun } from '../contracts/reserved.js';
import type { EndedRun, RunningRun } from './run.js';

/* What the events of a run look like in the log. */

/** The property of the metadata of an end that names the run. */
const run = 'run';
/** The property of the metadata of a run's events that counts them, from 0. */
const count = 'chunk';

/** The metadata of a run's event. */
export function chunkMeta(number: number): EventMeta {
  return { [count]: number };
}

/** Which of its run's events it is, from 0; `undefined` for other events. */
export function numberOf({ meta }: LogEvent): number | undefined {
  const number = meta?.[count];
  return typeof number === 'number' ? number : undefined;
}

/** The metadata of the end of a run. */
export function runEndMeta(id: string): EventMeta {
  return { [run]: id };
}

/** What has ended the topic of an end. */
export function endedRunOf(event: LogEvent): EndedRun {
  const id = event.meta?.[run];
  const { reason } = endOf(event)!;
  return { state: 'ended', topic: event.topic, id: typeof id === 'string' ? id : undefined, reason };
}

/** The data of a run's state, `$run.<topic>`. */
export type RunState = Omit<RunningRun, 'state' | 'topic'>;

/** What runs, by the event of its state. */
export function runningOf({ topic, data }: Pick<LogEvent, 'topic' | 'data'>): RunningRun {
  const { id, startedAt, progress, message } = JSON.parse(data) as RunState;
  const said = { ...(progress !== undefined && { progress }), ...(message !== undefined && { message }) };
  return { state: 'running', topic: topicOfRun(topic)!, id, startedAt, ...said };
}
