import type { Live, Source, SourceClient } from './source.js';

/** How long a source is kept open for a component that waits for it, and may never come back, in milliseconds. */
const patience = 10_000;

/** How long it is kept open after that, until the component is there, in milliseconds. */
const grace = 5_000;

/** What is waited for, by client and key. */
const waiting = new WeakMap<SourceClient, Map<string, Promise<void>>>();

/**
 * Waits for a source that no component listens to yet, and opens it for that: a component that waits is not there. The promise
 * resolves once `isReady`, and after 10 s anyway: whoever still waits then asks again. The source stays open for 5 s more, so
 * that the component can take it over. It never rejects, and is the same one for all who wait for the source.
 *
 * @param isReady whether there is something to show, be it an error
 */
export function readinessOf<Opened extends Live, Value>(
  source: Source<Opened, Value>,
  isReady: (value: Value, live: Opened) => boolean,
): Promise<void> {
  const { client, key } = source;
  const all = waiting.get(client) ?? new Map<string, Promise<void>>();
  const found = all.get(key);
  if (found) return found;
  const promise = open(source, isReady).finally(() => all.delete(key));
  waiting.set(client, all.set(key, promise));
  return promise;
}

async function open<Opened extends Live, Value>(
  source: Source<Opened, Value>,
  isReady: (value: Value, live: Opened) => boolean,
): Promise<void> {
  // What is opened tells others, who must not be told while a page is rendered.
  await Promise.resolve();
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((resolve) => {
    const look = () => {
      if (isReady(source.get(), source.live!)) resolve();
    };
    stop = source.subscribe(look);
    timer = setTimeout(resolve, patience);
    look();
  });
  clearTimeout(timer);
  setTimeout(stop, grace);
}
