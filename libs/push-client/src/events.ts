import type { Ended, PushEvent, ServerMessage } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';
import type { PushError } from './push-error.js';

/** Options of a subscription. */
export interface SubscribeOptions {
  /**
   * Where it begins: `now`, `last` (the newest retained event of each topic, then live), `last:50` (the newest 50 of each,
   * 1,000 at most), `earliest` (everything retained), `start` (as `earliest`, but `onGap` is told if the beginning of the
   * log is gone), or an event's id. Default: `now`, which is when the server has confirmed it.
   */
  readonly from?: Start;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

/** Options of reading events in a loop. */
export interface EventsOptions extends SubscribeOptions {
  /**
   * How many events may wait for the loop. At the limit the client unsubscribes, and resumes when the loop has taken them. No
   * event is lost. Default: 1,000.
   */
  readonly limit?: number;
}

/** An observer of events. */
export interface EventObserver<Data> {
  next?(event: PushEvent<Data>): void;
  error?(error: unknown): void;
  complete?(): void;
}

/** Events to read in a `for await` loop, or through RxJS (`from(push.events(…))`). Each reader has its own position. */
export interface Events<Data> extends AsyncIterable<PushEvent<Data>> {
  /** The latest end of a topic that a reader was told of: why a loop is over. `undefined` if none has ended. */
  readonly ended: Ended | undefined;
  subscribe(observer: EventObserver<Data>): { unsubscribe(): void };
}

/** A reader of events, as the client opens it. */
export interface Reader {
  next(event: PushEvent): void;
  /**
   * Any other message of the connection. Those about topics only come if they are about the reader's: the state of one was removed,
   * a snapshot, a gap.
   */
  notice?(message: Exclude<ServerMessage, { readonly event: 'message' }>): unknown;
  /** The server has confirmed the subscription. */
  live?(): void;
  /** The subscription is over: the server has refused it, its topic has ended, or the client or its signal has ended it. */
  end(error?: PushError): void;
}

/** Opens a reader at `from`. Returns a function that stops it, and returns where to resume. */
export type OpenReader = (from: Start | undefined, reader: Reader) => () => Start;

/** The events of `open`, as an async iterable and as an observable. */
export function eventsOf<Data>(open: OpenReader, { from, limit = 1_000 }: EventsOptions): Events<Data> {
  const notice: Reader['notice'] = ({ event, data }) => event === 'ended' && (events.ended = data);
  const events = {
    ended: undefined as Ended | undefined,
    [Symbol.asyncIterator]: () => iterate<Data>(open, from, limit, notice),
    subscribe(observer: EventObserver<Data>) {
      const unsubscribe = open(from, {
        next: (event) => observer.next?.(event as PushEvent<Data>),
        notice,
        end: (error) => (error ? observer.error?.(error) : observer.complete?.()),
      });
      return { unsubscribe };
    },
  };
  // RxJS and others look for this symbol. Without a polyfill it does not exist, and they look for the string.
  const symbol = (Symbol as { readonly observable?: symbol }).observable ?? '@@observable';
  return Object.assign(events, { [symbol]: () => events });
}

async function* iterate<Data>(
  open: OpenReader,
  from: Start | undefined,
  limit: number,
  notice: Reader['notice'],
): AsyncGenerator<PushEvent<Data>, void> {
  const waiting: PushEvent<Data>[] = [];
  let end = undefined as { readonly error?: PushError } | undefined;
  let wake = () => {};
  let stop: (() => Start) | undefined;
  const reader: Reader = {
    next(event) {
      if (waiting.push(event as PushEvent<Data>) >= limit) {
        from = stop!();
        stop = undefined;
      }
      wake();
    },
    notice,
    end(error) {
      end = { error };
      wake();
    },
  };
  try {
    for (;;) {
      const event = waiting.shift();
      if (event) yield event;
      else if (end?.error) throw end.error;
      else if (end) return;
      else {
        stop ??= open(from, reader);
        await new Promise<void>((resolve) => (end ? resolve() : (wake = resolve)));
      }
    }
  } finally {
    stop?.();
  }
}
