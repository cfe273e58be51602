import type { AnyClient } from './any-client.js';
import { LiveRun } from '../live-run.js';
import { sourceOf, type Source } from './source.js';

/** A run, for components to show: what {@link LiveRun} has of these names. */
export type RunView<Chunk, Result = Chunk> = Pick<
  LiveRun<Chunk, Result>,
  'status' | 'text' | 'result' | 'state' | 'gap' | 'ended' | 'error'
>;

/** The run of `topic`. */
export function runSource<Chunk, Result>(
  push: AnyClient,
  topic: string,
): Source<LiveRun<Chunk, Result>, RunView<Chunk, Result>> {
  return sourceOf(push, `run ${topic}`, {
    initial: {
      status: 'loading',
      text: '',
      result: undefined,
      state: undefined,
      gap: undefined,
      ended: undefined,
      error: undefined,
    },
    open: () => new LiveRun<Chunk, Result>(push, topic),
    read: ({ status, text, result, state, gap, ended, error }) => ({
      status,
      text,
      result,
      state,
      gap,
      ended,
      error,
    }),
  });
}
