import { isolate } from '../listeners.js';
import type { Greeting, ServerMessage } from '../protocol/messages.js';
import { PushError } from '../push-error.js';
import type { RequestMessage } from '../requests.js';
import { bodyOf, endOf } from '../transports/answers.js';
import { readBlocks, request } from '../transports/http.js';
import type { SseBlock } from '../transports/sse-parser.js';
import {
  broken,
  type Destination,
  type End,
  type Transport,
  type TransportEvents,
} from '../transports/transport.js';
import { expiryOf } from './token-expiry.js';

/** The id that says that a stream has ended for good. */
const endOfStream = 'push.end';

/** What a route's stream keeps over its connections. */
export interface RouteCursor {
  /** The last id. The next request resumes after it. */
  position: string | undefined;
  /** How often the server says something, in milliseconds. */
  readonly heartbeat: number;
  /** What a block says, if it says anything. */
  read(block: SseBlock): ServerMessage | undefined;
  readonly onError: (error: unknown) => void;
}

/** One request for a route's event stream, and another before its token expires. */
export class RouteTransport implements Transport {
  #stream = new AbortController();
  #token: string | undefined;

  constructor(
    private readonly destination: Destination,
    private readonly events: TransportEvents,
    private readonly cursor: RouteCursor,
  ) {
    this.#open();
  }

  /** A route takes no messages. A new token is that of another stream, which goes on where this one is. */
  send({ event, data }: RequestMessage): void {
    if (event === 'refresh' && data.token !== this.#token) this.#open();
  }

  close(): void {
    this.#stream.abort();
  }

  #open(): void {
    this.close();
    const { signal } = (this.#stream = new AbortController());
    const down = (end: End) => {
      if (signal.aborted) return;
      this.close();
      this.events.down(end);
    };
    this.#read(signal).then(down, (error: unknown) => down(broken(error)));
  }

  async #read(signal: AbortSignal): Promise<End> {
    const { url, token } = await this.destination.next();
    this.#token = token;
    const { position, heartbeat } = this.cursor;
    const response = await request(this.destination.options, url, token, {
      headers: {
        accept: 'text/event-stream',
        // Without it the server answers with a stream that ends at once, since `EventSource` gives up after any other status.
        'push-refusals': 'status',
        ...(position && { 'last-event-id': position }),
      },
      cache: 'no-store',
      signal,
    });
    if (response.status === 204) return over;
    if (!response.ok) return refusalOf(response);
    const type = response.headers.get('content-type');
    // A proxy that wants a login, a service worker, or a page for paths that do not exist.
    if (!response.body || !type?.startsWith('text/event-stream'))
      return { ...broken(`${type} is no event stream.`), later: true };
    return this.#readBody(response.body, { heartbeat, expiresAt: expiryOf(token) }, signal);
  }

  async #readBody(
    body: ReadableStream<Uint8Array>,
    greeting: Partial<Greeting>,
    signal: AbortSignal,
  ): Promise<End> {
    let isLive = false;
    const greet = () => {
      if (!isLive) this.events.message({ event: 'hello', data: greeting as Greeting });
      isLive = true;
    };
    // A stream that says nothing by itself.
    if (greeting.heartbeat === Infinity) greet();
    let isOver = false;
    let isFirst = true;
    const end = await readBlocks(body, signal, this.events, (block) => {
      const { id, retry } = block;
      if (id === endOfStream) isOver = true;
      else if (id) this.cursor.position = id;
      // The first block says where the stream begins. Before it there may be an empty line, or a comment.
      if (Object.keys(block).some(Boolean)) greet();
      if (+retry! >= 0) {
        // Any later one says when to come back, right before the server ends the stream.
        if (isFirst) this.events.retry(+retry!);
        else this.events.message({ event: 'drain', data: { delay: +retry! } });
        isFirst = false;
      }
      isolate(() => {
        const message = this.cursor.read(block);
        if (message) this.events.message(message);
      }, this.cursor.onError);
    });
    return isOver ? over : end;
  }
}

/** The end of a stream that has nothing left. If it was refused for good, it has said why before. */
const over: End = { advice: 'stop' };

async function refusalOf(response: Response): Promise<End> {
  const end = endOf(response, await bodyOf(response));
  // On another path it is a proxy that has lost its server. Here the application has said that there is no such thing.
  if (response.status !== 404) return end;
  return { advice: 'stop', error: new PushError(end.error!.code, end.error!.message) };
}
