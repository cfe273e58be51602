import type { AnyClient } from './any-client.js';
import type { StatusChange } from '../link.js';
import { sourceOf, type Live, type Source } from './source.js';

/** The status of the client's connection. */
export function statusSource(push: AnyClient): Source<LiveStatus, StatusChange> {
  let now: StatusChange | undefined;
  return sourceOf(push, 'status', {
    initial: { status: 'idle' },
    idle() {
      const { status, transport } = push;
      if (now?.status !== status || now.transport !== transport) now = { status, transport };
      return now;
    },
    open: () => new LiveStatus(push),
    read: ({ change }) => change,
  });
}

class LiveStatus implements Live {
  readonly #stop: () => void;
  #listener = (): unknown => undefined;
  change: StatusChange;

  constructor(push: AnyClient) {
    this.change = { status: push.status, transport: push.transport };
    this.#stop = push.onStatus((change) => {
      this.change = change;
      this.#listener();
    });
  }

  readonly onChange = (listener: () => unknown): void => {
    this.#listener = listener;
  };

  close(): void {
    this.#stop();
  }
}

export type { LiveStatus };
