import { useMemo, useSyncExternalStore } from 'react';
import type { Live, Source } from '../bindings/source.js';
import type { AnyClient } from '../bindings/any-client.js';
import { usePush } from './provider.js';
import { suspendUntil, type Refusable } from './suspense.js';
import type { Skip } from './topic.js';

const ignore = () => () => {};

/** How a component follows a source. */
interface Following<Value> {
  /** What else the source depends on, beside the client and the topic. */
  readonly option?: unknown;
  /** If given, the component suspends until this holds for the value. */
  readonly isThere?: ((value: Value) => boolean) | false;
}

/**
 * Follows a source of `topic` as long as the component is shown. Returns the value, and the source itself.
 *
 * @param make makes the source; called again for another client, topic or `option`
 */
export function useSource<Opened extends Live & Refusable, Value>(
  topic: string | Skip,
  make: (push: AnyClient, topic: string) => Source<Opened, Value>,
  { option, isThere }: Following<Value> = {},
): readonly [Value, Source<Opened, Value>] {
  const push: AnyClient = usePush();
  // What it starts with counts once: on a page that is rendered again it may be another object, or a newer one.
  const source = useMemo(() => make(push, topic || ''), [push, topic, option]);
  const onServer = () => {
    if (topic && isThere && !isThere(source.initial))
      throw new Error(`Without \`start\` only the browser renders ${topic}.`);
    return source.initial;
  };
  const value = useSyncExternalStore(topic ? source.subscribe : ignore, source.get, onServer);
  if (topic && isThere) suspendUntil(isThere, source, value);
  return [value, source];
}
