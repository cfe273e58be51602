import type { ConnectTo, Link, LinkListener, StatusChange } from '../link.js';
import { PushError } from '../push-error.js';
import { randomId } from '../random-id.js';
import type { RequestMessage } from '../requests.js';
import { Relay } from './relay.js';
import type { LeaderMessage, TabMessage } from './tab-messages.js';

/** How long a leader may be silent before the server has greeted it, in milliseconds. */
const initialSilence = 10_000;

/** How long the leader has to answer, in milliseconds. */
const answerTimeout = 3_000;

/**
 * One connection for all tabs. One tab gets a lock from the browser and becomes the leader. It connects, and forwards messages
 * between the other tabs and the server. When its page closes, freezes or crashes, another tab gets the lock, and each tab
 * resumes at its position. A leader that holds the lock but does not answer is replaced.
 */
export class SharedLink implements Link {
  /** A tab that comes back has another id: the leader may still get messages that it sent before. */
  #id = '';
  #channel: BroadcastChannel | undefined;
  #locks: AbortController | undefined;
  #relay: Relay | undefined;
  /** The client's name on the leader's connection. The next leader connects under the same name. */
  #client: string | undefined;
  #era = 0;
  #isUp = false;
  #status = '';
  /** After this many milliseconds of silence this tab asks the leader whether it is alive. */
  #silence = initialSilence;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly name: string,
    private readonly connectTo: ConnectTo,
    private readonly listener: LinkListener,
  ) {}

  open(): void {
    if (this.#locks) return;
    this.#locks = new AbortController();
    const { signal } = this.#locks;
    this.#id = randomId();
    this.#tell({ status: 'connecting' });
    // The lock tells the leader when this tab is gone. The leader must not know the tab before the tab holds it.
    hold(`${this.name} ${this.#id}`, signal, () => {
      this.#channel = new BroadcastChannel(this.name);
      this.#channel.addEventListener('message', ({ data }) =>
        this.#receive(data as TabMessage | LeaderMessage),
      );
      this.#ask();
      this.#acquireLock();
    }).catch(() => {
      // A sandboxed page has the API but may not use it, so it connects alone.
      if (!signal.aborted) this.#lead();
    });
  }

  send(say: RequestMessage): void {
    if (this.#relay) this.#relay.say(this.#id, say);
    else this.#post({ tab: this.#id, era: this.#era, say });
  }

  rest(change: StatusChange): void {
    this.#stepDown(change);
    this.#locks?.abort();
    this.#channel?.close();
    this.#locks = this.#channel = undefined;
    clearTimeout(this.#timer);
    this.#tell(change);
  }

  nudge(anyway = false): void {
    this.open();
    if (this.#relay) this.#relay.link.nudge(anyway);
    else this.#ask(anyway ? 'anyway' : 'gently');
  }

  cut(): void {
    this.#relay?.link.cut();
  }

  /** Waits for the lock, or takes it with `steal`. */
  #acquireLock(options?: LockOptions): void {
    const { signal } = this.#locks!;
    let relay: Relay | undefined;
    const lead = () => {
      this.#lead();
      relay = this.#relay;
    };
    hold(this.name, signal, lead, options).catch(() => {
      // The lock was stolen because this tab did not answer. If the tab stole it from itself, it leads already.
      if (signal.aborted || this.#relay !== relay) return;
      this.#stepDown();
      this.#ask();
      this.#acquireLock();
    });
  }

  #lead(): void {
    clearTimeout(this.#timer);
    this.#stepDown();
    this.#relay = new Relay(
      this.name,
      (message) => this.#post(message),
      (own) => this.connectTo(own, this.#client),
      {
        up: () => this.listener.up(),
        message: (message, refs) => this.listener.message(message, refs),
        status: (change) => this.#tell(change),
      },
      this.#era,
    );
    this.#relay.link.open();
  }

  #stepDown(change: StatusChange = { status: 'connecting' }): void {
    const relay = this.#relay;
    this.#relay = undefined;
    this.#isUp = false;
    relay?.link.rest(change);
  }

  #post(message: TabMessage | LeaderMessage): void {
    this.#channel?.postMessage(message);
  }

  #receive(message: TabMessage | LeaderMessage): void {
    if ('tab' in message) this.#relay?.receive(message);
    else if (!this.#relay) this.#follow(message);
  }

  /** Handles a message of the leader. Ignores older eras: a former leader may not know yet that it was replaced. */
  #follow(message: LeaderMessage): void {
    const { era } = message;
    if (era < this.#era) return;
    this.#watch();
    const greeting = 'message' in message ? message.message : message.greeting;
    if (greeting?.event === 'hello') this.#client = greeting.data.client;
    if ('message' in message) {
      if (era === this.#era && this.#isUp) this.listener.message(message.message, message.refs);
      return;
    }
    if (era > this.#era) this.#isUp = false;
    this.#era = era;
    const { change, code } = message;
    const error = change.error && new PushError(code!, change.error.message);
    this.#tell({ ...change, error });
    if (!message.isUp || this.#isUp) return;
    this.#isUp = true;
    if (message.greeting) {
      this.#silence = 2 * message.greeting.data.heartbeat;
      this.listener.message(message.greeting);
    }
    this.listener.up();
    if (message.isTurn) this.listener.message({ event: 'subscribed', data: { topics: [], id: '' } });
  }

  #tell(change: StatusChange): void {
    const status = JSON.stringify(change);
    if (status !== this.#status) this.listener.status(change);
    this.#status = status;
  }

  #ask(nudge?: 'gently' | 'anyway'): void {
    this.#post({ tab: this.#id, nudge });
    this.#watch(answerTimeout, () => this.#acquireLock({ steal: true }));
  }

  /** Watches for a silent leader. Asks it first, then replaces it. */
  #watch(time = this.#silence, then = () => this.#ask()): void {
    clearTimeout(this.#timer);
    if (this.#channel && !this.#relay) this.#timer = setTimeout(then, time);
  }
}

/** Whether this environment has Web Locks and broadcast channels, by which tabs share a connection. */
export function canShare(): boolean {
  const { navigator, location, BroadcastChannel } = globalThis as Partial<Window & typeof globalThis>;
  return Boolean(navigator?.locks && location && BroadcastChannel);
}

/** Holds a lock from when it is granted until `signal` aborts. Rejects if another tab steals it. */
async function hold(
  name: string,
  signal: AbortSignal,
  granted: () => void,
  options: LockOptions = { signal },
): Promise<void> {
  await navigator.locks.request(name, options, () => {
    if (signal.aborted) return undefined;
    granted();
    return new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
}
