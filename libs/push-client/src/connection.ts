import { Backoff } from './backoff.js';
import type { ConnectOptions } from './connect.options.js';
import { Credentials } from './credentials.js';
import type { Link, LinkListener, StatusChange } from './link.js';
import { longestTimer } from './longest-timer.js';
import type { TransportName } from './protocol/connection.js';
import type { Greeting, ServerMessage } from './protocol/messages.js';
import { PushError } from './push-error.js';
import type { RequestMessage } from './requests.js';
import type { End, OpenTransport, Transport } from './transports/transport.js';
import { WebSocketTransport } from './transports/websocket.js';
import type { WebSocketClass } from './transports/websocket-class.js';

/** After a connection that lasted this long, the backoff starts over. In milliseconds. */
const stableAfter = 5_000;

/** The smallest first bound of the backoff that the server can set, in milliseconds. */
const minRetry = 100;

/** How often in a row a WebSocket that has worked before may fail before SSE is tried. */
const maxFailures = 2;

/** The longest wait before another try to replace SSE by a WebSocket, in milliseconds. */
const maxUpgradeAfter = 900_000;

const noTransport = 'Set webSocket or sse.';

const noWebSocket = 'See websocket.firstMessage.';

type Purpose = 'retry' | 'watch' | 'upgrade' | 'refresh';

interface Attempt {
  readonly name: TransportName;
  transport?: Transport;
  /** Whether it accepts messages. */
  isUp?: boolean;
  /** When the server sent `hello`. */
  liveSince?: number;
  /** The error that the server sent about the whole connection before it closed it. */
  error?: PushError;
}

/**
 * An unshared connection that is kept open: over the transport that works, with a watchdog on the server's heartbeats. It
 * reconnects whenever it is lost, unless the server refuses it.
 */
export class Connection implements Link {
  readonly #credentials: Credentials;
  readonly #names: readonly TransportName[];
  readonly #backoff: Backoff;
  readonly #WebSocket: WebSocketClass | undefined;
  #current: Attempt | undefined;
  /** A WebSocket that may replace SSE. */
  #candidate: Attempt | undefined;
  /** How many transports were tried, which selects the next one. */
  #turn = 0;
  /** How many attempts in a row have failed. */
  #failures = 0;
  #hasWebSocketWorked = false;
  /** The server has just refused the credentials. */
  #areCredentialsRefused = false;
  /** The server refused the connection for good. */
  #isRefused = false;
  /** How long to wait before reconnecting to a server that has asked for that, in milliseconds. */
  #drain: number | undefined;
  #heardAt = 0;
  readonly #timeout: number;
  readonly #firstUpgrade: number;
  /** After this many milliseconds of silence the connection counts as dead. */
  #maxSilence: number;
  readonly #timers: { [purpose in Purpose]?: ReturnType<typeof setTimeout> } = {};
  #upgradeAfter: number;

  constructor(
    url: URL,
    private readonly options: ConnectOptions,
    private readonly listener: LinkListener,
    private readonly openSse?: OpenTransport,
    client?: string,
  ) {
    this.#WebSocket = options.webSocket ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
    this.#names = (options.transports ?? ['websocket', 'sse']).filter((name) =>
      name === 'sse' ? openSse : this.#WebSocket,
    );
    if (this.#names.length === 0) throw new PushError('UNAVAILABLE', noTransport);
    this.#backoff = new Backoff(options.maxRetryDelay ?? 30_000);
    this.#maxSilence = this.#timeout = options.timeout ?? 10_000;
    this.#upgradeAfter = this.#firstUpgrade = options.upgradeAfter ?? 60_000;
    this.#credentials = new Credentials(url, options);
    this.#credentials.client = client;
  }

  send(message: RequestMessage): void {
    if (this.#current?.isUp) this.#current.transport!.send(message);
  }

  open(): void {
    if (!this.#current && !this.#isRefused) this.#connect();
  }

  rest(change: StatusChange): void {
    this.#release();
    this.#isRefused = false;
    this.listener.status(change);
  }

  nudge(anyway = false): void {
    if (anyway) this.#retry();
    else if (this.#current) this.#watch();
    else this.open();
  }

  cut(): void {
    if (this.#current) this.#ended(this.#current, { advice: 'retry' });
  }

  /** Starts over as if nothing had failed before. A live connection is replaced only to use new credentials. */
  #retry(): void {
    if (this.#current?.liveSince && !(this.options.token ?? this.options.ticket)) return this.#watch();
    this.#release();
    this.#credentials.refused = undefined;
    this.#areCredentialsRefused = false;
    this.#turn = this.#failures = 0;
    this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#timers.retry);
    this.#isRefused = false;
    this.listener.status({ status: 'connecting' });
    this.#heardAt = Date.now();
    this.#maxSilence = this.#timeout;
    const name = this.#names[this.#turn % this.#names.length]!;
    this.#current = this.#start(name);
    this.#watch();
    // An SSE request contains its subscriptions, so it needs them before it is opened.
    if (name === 'sse') this.#up(this.#current);
  }

  #up(attempt: Attempt): void {
    attempt.isUp = true;
    this.listener.up();
  }

  #start(name: TransportName): Attempt {
    const attempt: Attempt = { name };
    const events = {
      heard: () => attempt === this.#current && (this.#heardAt = Date.now()),
      retry: (milliseconds: number) => (this.#backoff.base = Math.max(milliseconds, minRetry)),
      message: (message: ServerMessage) => this.#message(attempt, message),
      down: (end: End) => this.#ended(attempt, end),
    };
    attempt.transport =
      name === 'sse'
        ? this.openSse!(this.#credentials, events)
        : new WebSocketTransport(this.#credentials, events, this.#WebSocket!);
    return attempt;
  }

  #message(attempt: Attempt, message: ServerMessage): void {
    const { event, data } = message;
    if (event === 'hello' && attempt === this.#candidate) {
      this.#current?.transport?.close();
      clearTimeout(this.#timers.upgrade);
      this.#candidate = undefined;
      this.#current = attempt;
      this.#turn++;
    }
    if (attempt !== this.#current) return;
    if (event === 'drain') this.#drain = data.delay;
    if (event === 'error' && data.ref === undefined)
      attempt.error = new PushError(data.code, data.message, data.retryable);
    if (event === 'hello' || event === 'refreshed') this.#greeted(attempt, data);
    this.listener.message(message);
    if (event === 'hello' && !attempt.isUp) this.#up(attempt);
  }

  #greeted(attempt: Attempt, { connection, client, heartbeat, expiresAt }: Partial<Greeting>): void {
    if (client) this.#credentials.client = client;
    if (heartbeat) this.#maxSilence = 2 * heartbeat;
    this.#heardAt = Date.now();
    this.#watch();
    this.#refreshBefore(expiresAt);
    if (attempt.liveSince) return;
    attempt.liveSince = Date.now();
    let error: PushError | undefined;
    if (attempt.name === 'websocket') {
      this.#hasWebSocketWorked = true;
      this.#upgradeAfter = this.#firstUpgrade;
    } else {
      this.#upgradeLater();
      if (this.#failures && this.#names[1] && this.#credentials.token && !this.#hasWebSocketWorked)
        error = new PushError('UNAVAILABLE', noWebSocket);
    }
    this.#failures = 0;
    this.#credentials.refused = undefined;
    this.listener.status({ status: 'live', transport: attempt.name, connection, error });
  }

  #ended(attempt: Attempt, end: End): void {
    if (attempt === this.#candidate) {
      attempt.transport!.close();
      this.#candidate = undefined;
      this.#upgradeLater();
    }
    if (attempt !== this.#current) return;
    this.#release();
    const { liveSince } = attempt;
    const hasLasted = liveSince && Date.now() - liveSince > stableAfter;
    if (hasLasted && !end.later) this.#backoff.reset();
    // What the server has announced is no error.
    const error = attempt.error ?? (this.#drain ? undefined : end.error);
    const advice = attempt.error?.code === 'UNAUTHENTICATED' ? 'authenticate' : end.advice;
    if (
      advice === 'authenticate' &&
      (this.options.token ?? this.options.ticket) &&
      (liveSince || !this.#areCredentialsRefused)
    ) {
      // Tries new credentials once. If the application has no new ones yet, the attempt waits for them.
      this.#areCredentialsRefused = !liveSince;
      this.#credentials.refused = this.#credentials.token;
      this.#turn = 0;
      if (liveSince && !hasLasted) this.#wait(undefined, error);
      else this.#connect();
    } else if (advice !== 'retry' && advice !== 'wait') {
      this.#isRefused = true;
      this.listener.status({ status: 'closed', error });
    } else if (advice === 'retry' && !liveSince && this.#switchTransport() && !end.delay) this.#connect();
    else this.#wait(end.delay, error);
  }

  /** Switches to the next transport. Returns whether that one has not failed since the last wait. */
  #switchTransport(): boolean {
    if (++this.#failures <= maxFailures && this.#hasWebSocketWorked) return false;
    this.#turn++;
    return this.#failures % this.#names.length > 0;
  }

  #wait(delay = this.#drain ?? this.#backoff.next(), error?: PushError): void {
    this.#drain = undefined;
    this.#schedule('retry', delay, () => this.#connect());
    this.listener.status({ status: 'waiting', retryIn: delay, error });
  }

  /**
   * Cuts the connection if it has been silent for too long; else checks again when it could be.
   *
   * @param isSure whether messages that arrived while the page was busy have been handled
   */
  #watch(isSure = false): void {
    const left = this.#maxSilence - (Date.now() - this.#heardAt);
    if (left <= 0 && isSure) this.cut();
    else this.#schedule('watch', left, () => this.#watch(left <= 0));
  }

  #upgradeLater(): void {
    if (!this.#names.includes('websocket')) return;
    this.#schedule('upgrade', this.#upgradeAfter, () => {
      const candidate = (this.#candidate = this.#start('websocket'));
      this.#schedule('upgrade', this.#timeout, () => this.#ended(candidate, { advice: 'retry' }));
    });
    this.#upgradeAfter = Math.min(2 * this.#upgradeAfter, maxUpgradeAfter);
  }

  #refreshBefore(expiresAt: number | undefined): void {
    clearTimeout(this.#timers.refresh);
    if (!expiresAt || !this.options.token) return;
    const soon = Math.max(1_000, (expiresAt - Date.now()) * 0.75);
    this.#schedule('refresh', soon, () => void this.#refresh(expiresAt));
  }

  /** Extends the connection with a new token. Repeats that until the server confirms one. */
  async #refresh(expiresAt: number): Promise<void> {
    const attempt = this.#current;
    const { token } = (await this.#credentials.next().catch(() => undefined)) ?? {};
    if (attempt !== this.#current) return;
    if (token) this.send({ event: 'refresh', data: { token } });
    this.#refreshBefore(expiresAt);
  }

  /** Sets the timer of a purpose, and replaces the previous one. */
  #schedule(purpose: Purpose, delay: number, run: () => void): void {
    clearTimeout(this.#timers[purpose]);
    this.#timers[purpose] = setTimeout(run, Math.min(delay, longestTimer));
  }

  /** Closes the transports and clears the timers. */
  #release(): void {
    this.#current?.transport?.close();
    this.#candidate?.transport?.close();
    this.#current = this.#candidate = undefined;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
  }
}
