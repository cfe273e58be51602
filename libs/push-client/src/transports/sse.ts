import { longestTimer } from '../longest-timer.js';
import type { ServerMessage } from '../protocol/messages.js';
import { positionIn, type RequestMessage, type SubscribeRequest } from '../requests.js';
import { bodyOf, endOf, refusalOf, type AnswerBody } from './answers.js';
import { readBlocks, request } from './http.js';
import { broken, type Destination, type End, type Transport, type TransportEvents } from './transport.js';

/** How many times one publish is sent, each with twice the time, before the connection counts as dead. */
const attempts = 3;

/** How long changes are collected before the next stream is opened, in milliseconds. */
const window = 20;

/** The `ref` under which the next stream requests the topics that are live already. */
const ownRef = '-';

/** A request, as far as it was answered: another stream would ask for what is left of it. */
type Asked = { -readonly [Field in keyof SubscribeRequest]: SubscribeRequest[Field] };

/**
 * Carries the messages of a WebSocket over HTTP: a POST whose response is a stream of server-sent events. The topics of a
 * stream are fixed, so each change opens another stream. The live topics resume there at their position, and the connection
 * above stays the same.
 */
export class SseTransport implements Transport {
  readonly #live = new Set<string>();
  /** All events of the live topics up to here were passed on. */
  #position = '';
  /** The subscriptions that are not live yet. */
  readonly #asked = new Map<string, Asked>();
  /** The topics that were unsubscribed before they were live. */
  readonly #dropped = new Set<string>();
  /** The requests that the open stream has not answered. It is not replaced before, or constant changes would block progress. */
  #unanswered = new Set<string>();
  /** The topics have changed since the open stream was requested. */
  #isStale = false;
  /** The `ref` of the subscription that is catching up. */
  #turn: string | undefined;
  readonly #whole = new AbortController();
  #stream = this.#whole;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #posting: Promise<unknown> = Promise.resolve();
  /** The id of the stream. */
  #connection: string | undefined;
  #greet!: () => void;
  readonly #greeted = new Promise<void>((resolve) => (this.#greet = resolve));
  /** The token of the last request. */
  #token: string | undefined;

  constructor(
    private readonly destination: Destination,
    private readonly events: TransportEvents,
  ) {
    this.#openSoon();
  }

  send(message: RequestMessage): void {
    const { event, data } = message;
    if (event === 'publish' || event === 'presence') {
      this.#posting = this.#posting.then(() => this.#say(message));
    } else if (event === 'unsubscribe') {
      for (const topic of data.topics) {
        this.#dropped.add(topic);
        if (this.#live.delete(topic)) this.#openSoon();
      }
    } else {
      if (event === 'subscribe') {
        this.#asked.set(data.ref, { ...data });
        data.topics.forEach((topic) => this.#dropped.delete(topic));
      }
      this.#openSoon();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stream.abort();
    this.#whole.abort();
  }

  #openSoon(): void {
    this.#isStale = true;
    if (this.#unanswered.size > 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#open().catch((error: unknown) => this.#end(broken(error)));
    }, window);
  }

  async #open(): Promise<void> {
    if (this.#stream !== this.#whole) this.#stream.abort();
    const stream = (this.#stream = new AbortController());
    this.#turn = undefined;
    this.#isStale = false;
    const live = { topics: [...this.#live], from: this.#position, repeat: true, ref: ownRef };
    const subscribe = [live, ...this.#asked.values()].filter(({ topics }) => topics[0]);
    this.#unanswered = new Set(subscribe.map(({ ref }) => ref));
    const { signal } = stream;
    const end = await this.#post('events', { subscribe }, signal)
      .then((response) => this.#read(response, signal))
      .catch(broken);
    if (!signal.aborted) this.#end(end);
  }

  #end(end: End): void {
    this.close();
    this.events.down(end);
  }

  async #post(path: string, body: object, signal: AbortSignal): Promise<Response> {
    const { options } = this.destination;
    const { url, token } = await this.destination.next();
    this.#token = token;
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
    const headers = { 'content-type': 'application/json' };
    return request(options, url, token, { method: 'POST', body: JSON.stringify(body), headers, signal });
  }

  async #read(response: Response, signal: AbortSignal): Promise<End> {
    if (!response.ok || !response.body) return endOf(response, await bodyOf(response));
    return readBlocks(response.body, signal, this.events, ({ data, retry }) => {
      if (+retry! >= 0) this.events.retry(+retry!);
      if (data) this.#receive(JSON.parse(data) as ServerMessage);
    });
  }

  #receive(message: ServerMessage): void {
    const { event, data } = message;
    const ref = 'ref' in data ? data.ref : undefined;
    if (event === 'hello') {
      this.#connection = data.connection;
      this.#greet();
    }
    if (event === 'subscribed') this.#turn = ref;
    const asked = this.#asked.get(this.#turn!);
    const id = positionIn(message, asked?.from);
    if (id && asked) asked.from = id;
    else if (id) this.#position = id;
    if (event === 'ended') {
      this.#live.delete(data.topic);
      if (asked) asked.topics = asked.topics.filter((topic) => topic !== data.topic);
    }
    if (event === 'live') this.#settle(data.id, ref!);
    if (event === 'error' && ref !== undefined) this.#asked.delete(ref);
    if (ref !== ownRef) this.events.message(message);
    else if (event === 'error') this.#end(broken(data.message));
    if (event !== 'live' && event !== 'error') return;
    this.#unanswered.delete(ref!);
    if (this.#isStale) this.#openSoon();
  }

  #settle(id: string, ref: string): void {
    this.#position = id;
    this.#turn = undefined;
    for (const topic of this.#asked.get(ref)?.topics ?? []) {
      if (!this.#dropped.has(topic)) this.#live.add(topic);
      // It was unsubscribed in the meantime, and this stream still reads it: the server counts the page as present.
      else this.#isStale = true;
    }
    this.#asked.delete(ref);
    if (this.#asked.size === 0) this.#dropped.clear();
  }

  /** Sends a message that has an answer of its own. */
  async #say({ event, data }: Extract<RequestMessage, { event: 'publish' | 'presence' }>): Promise<void> {
    const { ref } = data;
    const { signal } = this.#whole;
    // The server has to know which stream the event is kept from, or who is present.
    if (event === 'presence' || data.echo === false) await this.#greeted;
    try {
      const { response, answer } = await this.#postInTime(event, { ...data, connection: this.#connection });
      if (signal.aborted) return;
      // The token has expired since the stream was opened. The event is sent again with the next one.
      if (response.status === 401 && this.#token) this.#end(endOf(response, answer));
      else if (!response.ok)
        this.events.message({ event: 'error', data: { ...refusalOf(response, answer), ref } });
      else if (event === 'publish')
        this.events.message({ event: 'published', data: { ref, id: answer?.id } });
    } catch (error) {
      // The event may be stored already. It is sent again on the next connection, and is stored only once.
      if (!signal.aborted) this.#end(broken(error));
    }
  }

  /**
   * Sends a request. Without an answer in time it is sent again on another connection: an event is stored only once, and what
   * is said of presence is the same.
   */
  async #postInTime(path: string, body: object): Promise<Answered> {
    const { signal } = this.#whole;
    const { timeout = 10_000 } = this.destination.options;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      const one = new AbortController();
      const abort = () => one.abort();
      signal.addEventListener('abort', abort, { signal: one.signal });
      const timer = setTimeout(abort, Math.min(timeout * 2 ** attempt, longestTimer));
      try {
        const response = await this.#post(path, body, one.signal);
        return { response, answer: await bodyOf(response) };
      } catch (error) {
        if (signal.aborted || !one.signal.aborted || attempt + 1 === attempts) throw error;
      } finally {
        clearTimeout(timer);
        abort();
      }
    }
  }
}

interface Answered {
  readonly response: Response;
  readonly answer: AnswerBody | undefined;
}
