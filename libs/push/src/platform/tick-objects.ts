import { executionAsyncResource } from 'node:async_hooks';

let kept: object | undefined;

/**
 * Keeps one of the objects that Node makes for calls of `process.nextTick`, for the life of the process. Every write to a
 * stream makes one.
 *
 * Up to Node 24, V8 drops the hidden class of these objects when it collects garbage while there are none. It then builds
 * each later one in its runtime, and does so for ever: a call takes 280 ns instead of 65. An application of Nest is large
 * enough to be collected before it has its first client.
 */
export function keepTickObject(): void {
  process.nextTick(() => (kept ??= executionAsyncResource()));
}
