import { assertPattern } from '../../contracts/topic.js';
import type { Start } from '../../protocol/topics.js';
import type { Framings } from '../../wire/sse.dialect.js';
import type { StreamOptions } from '../../bus/event-stream.js';

/** How a {@link DialectStream} reads. */
export interface DialectStreamOptions {
  /** Where a client starts that sends no `Last-Event-ID`; see `StreamOptions.from`. Default: `now`. */
  readonly from?: Start;
  /** Headers of the response, besides those of event streams. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * What an `@Sse()` handler returns to have topics written in a dialect of its own: the events as other clients than ours expect
 * them. Interceptors wrap the connection, and see no event. Without topics the answer is 204.
 */
export class DialectStream {
  readonly options: StreamOptions;
  /** Headers of the response, besides those of event streams. */
  readonly headers: Readonly<Record<string, string>>;

  /** @throws PushError `INVALID_TOPIC` */
  constructor(
    readonly topics: readonly string[],
    readonly framings: Framings,
    { from, headers = {} }: DialectStreamOptions = {},
  ) {
    topics.forEach((topic) => assertPattern(topic));
    this.options = { from };
    this.headers = headers;
  }

  /** A route that is not an `@Sse()` route would answer with this object as JSON. */
  toJSON(): never {
    throw new TypeError('Return it from an @Sse() route: any other writes it as JSON.');
  }
}
