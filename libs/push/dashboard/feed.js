import { ApiError, post } from './api.js';

/** A connection that brings nothing for this long, in milliseconds, is dead: the node that holds it reports every 2 s. */
const silence = 12_000;
/** The pauses before the page comes back, in milliseconds. */
const shortestPause = 1_000;
const longestPause = 15_000;
/** The most outages that are remembered. */
const mostOutages = 20;

const types = ['node', 'past', 'connections', 'topics', 'topic', 'tail', 'refused'];

/**
 * The one push connection of the page. It comes back by itself, each time as a new view: then the nodes send their past
 * once more, and the charts have no hole.
 *
 * `status` is `connecting`, `live`, `away` (it comes back), or `ended` (the login is over).
 */
export class Feed {
  status = 'connecting';
  /** The id of the view that this connection is. */
  view;
  /** When the connection was lost, in milliseconds since 1970. */
  awaySince;
  /** `{ from, to }` of the times without a connection, in milliseconds since 1970. */
  outages = [];
  /** How often the server has dropped events because this page read too slowly. */
  gaps = 0;
  #source;
  #listener;
  #attempts = 0;
  #comeBack;
  #watch;

  /** @param listener `event(type, data)` for what comes, and `changed(feed)` when the status has changed */
  constructor(listener) {
    this.#listener = listener;
    addEventListener('online', () => this.status === 'away' && this.open());
  }

  open() {
    this.#close();
    this.view = randomId();
    const source = new EventSource(new URL(`events?view=${this.view}`, import.meta.url));
    this.#source = source;
    for (const type of types) source.addEventListener(type, (event) => this.#take(source, type, event));
    source.addEventListener('push.gap', () => this.gaps++);
    source.addEventListener('push.error', (event) => this.#lose(source, parsed(event)?.message));
    source.addEventListener('open', () => this.#greet(source));
    source.addEventListener('error', () => this.#lose(source));
    this.#heard();
  }

  /** The login is over: nothing is tried any more. */
  end() {
    this.#close();
    this.#become('ended');
  }

  #greet(source) {
    if (source !== this.#source) return;
    this.#attempts = 0;
    if (this.awaySince !== undefined) {
      this.outages = [...this.outages, { from: this.awaySince, to: Date.now() }].slice(-mostOutages);
      this.awaySince = undefined;
    }
    this.#become('live');
  }

  #take(source, type, event) {
    if (source !== this.#source) return;
    this.#heard();
    const data = parsed(event);
    if (data) this.#listener.event(type, data);
  }

  /** What comes on the connection shows that it is alive. */
  #heard() {
    clearTimeout(this.#watch);
    const source = this.#source;
    this.#watch = setTimeout(() => this.#lose(source), silence);
  }

  #lose(source, reason) {
    if (source !== this.#source) return;
    this.#close();
    this.reason = reason;
    this.awaySince ??= Date.now();
    const pause = Math.min(longestPause, shortestPause * 2 ** this.#attempts++) * (0.75 + Math.random() / 2);
    this.#comeBack = setTimeout(() => this.open(), pause);
    this.#become('away');
    this.#askWhy();
  }

  /** An `EventSource` does not tell with which status it was refused. */
  #askWhy() {
    post('look', { view: this.view }).catch((error) => {
      if (error instanceof ApiError && error.isLoginOver && this.status === 'away') this.end();
    });
  }

  #close() {
    clearTimeout(this.#comeBack);
    clearTimeout(this.#watch);
    this.#source?.close();
    this.#source = undefined;
  }

  #become(status) {
    this.status = status;
    this.#listener.changed(this);
  }
}

function parsed(event) {
  try {
    return JSON.parse(event.data);
  } catch {
    return undefined;
  }
}

/** 24 characters that nobody guesses. */
function randomId() {
  const random = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...random))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
