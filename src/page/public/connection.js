/*
 * The page's two connections. Both keep the id of the last event, come back by themselves, and go on behind that id.
 * They tell the page: `change` (of state, id or counters), `event`, `gap` and `refusal`; the WebSocket also `greeting`
 * and `drain`. PROTOCOL.md of nestjs-push describes what goes over the wire.
 */

/** Milliseconds before the next attempt: doubled by each that fails. */
const shortestWait = 500;
const longestWait = 10_000;
/** Where the server said that it is in trouble. */
const politeWait = 5_000;

/** Close codes that mean: do not come back unchanged. */
const refusals = new Set([1003, 1007, 1009, 4400, 4401, 4403]);
/** Close codes that mean: come back, later each time. */
const troubles = new Set([1011, 1013]);

/** What both have in common: state, counters, and when to try again. */
class Connection extends EventTarget {
  /** `connecting`, `open`, `waiting` (for the next attempt) or `refused`. */
  state = 'connecting';
  /** Everything up to here has come: where to go on after a reconnect. */
  id = undefined;
  reconnects = 0;
  gaps = 0;
  #failures = 0;
  #wasOpen = false;
  #attempt;
  #silence;

  constructor() {
    super();
    addEventListener('online', () => this.state === 'waiting' && this.#again());
  }

  opened() {
    if (this.#wasOpen) this.reconnects++;
    this.#wasOpen = true;
    this.#failures = 0;
    this.enter('open');
  }

  /** Tries again after a while; at random within a range, so that not all pages come back at once. */
  lost(wait = shortestWait) {
    const limit = Math.min(longestWait, wait * 2 ** this.#failures++);
    this.comeBack(limit * (0.5 + Math.random() / 2));
  }

  comeBack(delay) {
    this.enter('waiting');
    this.#attempt = setTimeout(() => this.#again(), delay);
  }

  enter(state) {
    if (state !== 'open') clearTimeout(this.#silence);
    this.state = state;
    this.tell('change');
  }

  /** Something came. If nothing follows for `patience` milliseconds, the connection is dead without having said so. */
  heard(patience) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.drop(), patience);
  }

  reached(id) {
    // Ephemeral events have none.
    if (!id) return;
    this.id = id;
    this.tell('change');
  }

  missed(notice) {
    this.gaps++;
    this.reached(notice.id);
    this.tell('gap', notice);
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #again() {
    clearTimeout(this.#attempt);
    this.enter('connecting');
    this.connect();
  }
}

/** An SSE route. `EventSource` reconnects by itself, except after an answer that was no event stream. */
export class SseConnection extends Connection {
  #url;
  #patience;
  #source;

  /** @param patience how long the stream may be silent, in milliseconds */
  constructor(url, patience) {
    super();
    this.#url = url;
    this.#patience = patience;
  }

  connect() {
    const source = new EventSource(this.id ? `${this.#url}?lastEventId=${this.id}` : this.#url);
    this.#source = source;
    source.addEventListener('open', () => {
      this.heard(this.#patience);
      this.opened();
    });
    source.addEventListener('message', ({ data, lastEventId }) => {
      this.heard(this.#patience);
      this.reached(lastEventId);
      this.tell('event', { id: lastEventId, data: JSON.parse(data) });
    });
    source.addEventListener('push.gap', ({ data }) => this.missed(JSON.parse(data)));
    source.addEventListener('push.error', ({ data }) => this.#failed(JSON.parse(data)));
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) this.lost();
      else this.enter('connecting');
    });
  }

  drop() {
    this.#source.close();
    this.lost();
  }

  #failed(error) {
    this.tell('refusal', error);
    if (error.retryable) return;
    this.#source.close();
    this.enter('refused');
  }
}

/** Topics over the WebSocket: at first everything that is retained of them, after a reconnect what was missed. */
export class WebSocketConnection extends Connection {
  #url;
  #topics;
  #socket;
  #patience;
  /** How long a server that shuts down has asked to wait. */
  #delay;

  constructor(url, topics) {
    super();
    this.#url = url;
    this.#topics = topics;
  }

  connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#delay = undefined;
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return;
      const message = JSON.parse(data);
      this.#receive(message.event, message.data);
      this.heard(this.#patience);
    });
    socket.addEventListener('close', ({ code }) => {
      if (socket !== this.#socket) return;
      if (refusals.has(code)) this.enter('refused');
      else if (this.#delay !== undefined) this.comeBack(this.#delay);
      else this.lost(troubles.has(code) ? politeWait : shortestWait);
    });
  }

  drop() {
    // The other side will not answer: do not wait for the close handshake.
    this.#socket.close();
    this.#socket = undefined;
    this.lost();
  }

  // Publishing over the socket belongs here: #send('publish', { topic, data, ref }), and its answer in #receive.

  #send(event, data) {
    this.#socket.send(JSON.stringify({ event, data }));
  }

  #receive(event, data) {
    if (event === 'hello') this.#greeted(data);
    else if (event === 'message') {
      this.reached(data.id);
      this.tell('event', data);
    } else if (event === 'gap') this.missed(data);
    else if (event === 'heartbeat') this.reached(data.id);
    else if (event === 'error') this.tell('refusal', data);
    else if (event === 'drain') {
      this.#delay = data.delay;
      this.tell('drain', data);
    }
  }

  #greeted(greeting) {
    this.#patience = 2 * greeting.heartbeat;
    this.opened();
    this.tell('greeting', greeting);
    this.#send('subscribe', { topics: this.#topics, from: this.id ?? 'earliest', ref: 'page' });
  }
}
