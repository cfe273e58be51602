import type { PushClient } from './connect.js';
import { PushError } from './push-error.js';
import { randomId } from './random-id.js';

/** What presence needs of a client. */
export type PresenceClient = Pick<PushClient, 'read' | 'send' | 'onStatus' | 'onError'>;

/** How long to wait before saying it again when the server accepts no more at that time, in milliseconds. */
const pause = 1_000;

/** After so many refusals in a row it is taken for the truth that the page is not there. */
const mostRefusals = 4;

/** This page's own part in the presence of a topic: it is there because it reads the topic, and says something of itself. */
export class OwnPresence {
  readonly #ref = randomId();
  #data: unknown;
  #stop: (() => unknown) | undefined;
  #isLive = false;
  #stopStatus: (() => void) | undefined;
  #isScheduled = false;
  /** How often the server has found the page absent. */
  #refusals = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param end is called when the page may not be there */
  constructor(
    private readonly push: PresenceClient,
    private readonly topic: string,
    private readonly end: (error?: PushError) => void,
  ) {}

  /** Reads the topic, unless it does already. */
  join(): void {
    this.#stopStatus ??= this.push.onStatus(() => (this.#isLive = false));
    this.#stop ??= this.push.read(
      this.topic,
      { from: 'now' },
      {
        next: () => undefined,
        // On a new connection the server knows nothing of what was said before.
        live: () => {
          this.#isLive = true;
          if (this.#data !== undefined) this.#schedule();
        },
        notice: ({ event, data }) => {
          if (event !== 'error' || data.ref !== this.#ref) return;
          // Over SSE a client is between two streams while its topics change, and reads none of them.
          const isEarly = data.code === 'FORBIDDEN' && ++this.#refusals < mostRefusals;
          if (data.retryable || isEarly) this.#timer ??= setTimeout(() => this.#sayAgain(), pause);
          else this.push.onError(new PushError(data.code, data.message, false, [this.topic], data.details));
        },
        end: this.end,
      },
    );
  }

  set(data: unknown): void {
    try {
      this.#data = JSON.parse(JSON.stringify(data ?? null));
    } catch (error) {
      throw new PushError('DATA_NOT_SERIALIZABLE', `Not JSON: ${String(error)}`);
    }
    this.#refusals = 0;
    this.join();
    if (this.#isLive) this.#schedule();
  }

  /** Takes back what it has said, and reads the topic no longer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stopStatus?.();
    if (this.#data !== undefined) this.#say(null);
    this.#isLive = false;
    this.#stop?.();
    this.#stop = () => undefined;
  }

  #sayAgain(): void {
    this.#timer = undefined;
    this.#schedule();
  }

  /** What is set several times in one turn is said once. */
  #schedule(): void {
    if (this.#isScheduled || this.#timer) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#say(this.#data);
    });
  }

  #say(data: unknown): void {
    const { topic } = this;
    if (this.#isLive) this.push.send({ event: 'presence', data: { topic, data, ref: this.#ref } });
  }
}
