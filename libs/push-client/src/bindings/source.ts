import { isolate } from '../listeners.js';

/** What changes, and can be closed: a live map, a run, a list of events. */
export interface Live {
  /** Calls `listener` after each change. */
  readonly onChange: (listener: () => unknown) => unknown;
  close(): void;
}

/** How components show something live. */
export interface Kind<Opened extends Live, Value> {
  /** The value until it is open: on a server that renders the page, and while the page takes over what was rendered. */
  readonly initial: Value;
  /** The value while it is not open, as the same object until something changes. Default: `initial`. */
  idle?(): Value;
  open(): Opened;
  /** The value now. Called once after each change. */
  read(live: Opened): Value;
}

/**
 * A value for components to show. What it comes from is open as long as there are listeners, and is shared by all sources of the
 * same client and key. Making a source opens nothing, so it may be made while a page is rendered, and on a server.
 */
export interface Source<Opened extends Live, Value> {
  readonly client: SourceClient;
  /** Names the kind and everything that its `open` and `read` depend on: sources of the same client and key share what is open. */
  readonly key: string;
  /** {@link Kind.initial}. */
  readonly initial: Value;
  /** What it comes from; `undefined` while it is not open. */
  readonly live: Opened | undefined;
  /** The value now: the same object until something changes. */
  readonly get: () => Value;
  /**
   * Calls `changed` after each change. Errors that it throws go to the client's `onError`.
   *
   * @returns a function that removes it
   */
  readonly subscribe: (changed: () => void) => () => void;
}

/** What a source needs of a client. */
export interface SourceClient {
  readonly onError: (error: unknown) => void;
}

interface Shared {
  readonly live: Live;
  readonly listeners: Set<() => void>;
  value: unknown;
}

/** What is open, by client and key. */
const shared = new WeakMap<SourceClient, Map<string, Shared>>();

/**
 * A source of what `kind` opens.
 *
 * @param client its sources of this key share what is open
 * @param key {@link Source.key}
 */
export function sourceOf<Opened extends Live, Value>(
  client: SourceClient,
  key: string,
  kind: Kind<Opened, Value>,
): Source<Opened, Value> {
  const found = () => shared.get(client)?.get(key);
  return {
    client,
    key,
    initial: kind.initial,
    get live() {
      return found()?.live as Opened | undefined;
    },
    get() {
      const open = found();
      return open ? (open.value as Value) : (kind.idle?.() ?? kind.initial);
    },
    subscribe(changed) {
      const { listeners } = found() ?? share(client, key, kind);
      // The same function may be added twice.
      const listener = () => changed();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        // Another component may take over in this turn, or the same one: React's StrictMode mounts everything twice.
        queueMicrotask(() => listeners.size === 0 && close(client, key, listeners));
      };
    },
  };
}

function share<Opened extends Live, Value>(
  client: SourceClient,
  key: string,
  kind: Kind<Opened, Value>,
): Shared {
  const live = kind.open();
  const open: Shared = { live, listeners: new Set(), value: kind.read(live) };
  live.onChange(() => {
    open.value = kind.read(live);
    for (const listener of open.listeners) isolate(listener, client.onError);
  });
  const all = shared.get(client) ?? new Map<string, Shared>();
  shared.set(client, all.set(key, open));
  return open;
}

function close(client: SourceClient, key: string, listeners: Shared['listeners']): void {
  const all = shared.get(client);
  const open = all?.get(key);
  // It may be closed already, and opened once more.
  if (open?.listeners !== listeners) return;
  all!.delete(key);
  open.live.close();
}
