import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { explain } from '../../bus/failure.js';
import { whenHeadersAreSent } from '../../platform/written-body.js';
import { raw } from '../../platform/raw-response.js';
import { endOfStream, errorReport } from '../../wire/sse.codec.js';
import type { SseDialect } from '../../wire/sse.dialect.js';
import { identify } from './piped-message.js';
import { runAt } from './route-position.js';
import type { SseExchange } from './exchange.js';

/** Returns the stream that refuses a client before anything was sent. @throws `thrown` itself, if it is not a refusal */
export type Refusal = (thrown: unknown) => Observable<MessageEvent>;

/** What a piped stream needs in addition to its events. */
export interface PipedOptions {
  readonly dialect: SseDialect;
  readonly refuse: Refusal;
  readonly comeBackIn: () => number;
  readonly report: (error: unknown) => void;
}

/**
 * A body whose events go through Nest and the application's pipe. The retry delay and heartbeats are written directly to the
 * response. Heartbeats carry no id, since events may still be in the pipe. Each write is a whole block, as Nest's are.
 */
export function pipedBody(
  exchange: SseExchange,
  events: Observable<MessageEvent>,
  options: PipedOptions,
): Observable<MessageEvent> {
  const { client, outlet, position, isIntercepted } = exchange;
  return new Observable<MessageEvent>((subscriber) => {
    outlet.share(() => subscriber.complete());
    client.useDialect(options.dialect);
    subscriber.add(() => client.stop());
    const failed = (thrown: unknown) => fail(exchange, subscriber, thrown, options);
    const observer = {
      next: (message: MessageEvent) => {
        try {
          message = identify(message, position, !isIntercepted);
        } catch (error) {
          failed(error);
          return;
        }
        subscriber.next(message);
      },
      error: failed,
      complete: () => {
        client.reason = 'end';
        // The client need not come back.
        if (position.hasEnded) subscriber.next({ type: 'push.end', id: endOfStream, data: {} });
        subscriber.complete();
      },
    };
    subscriber.add(runAt(position, () => events.subscribe(observer)));
    const open = () => {
      if (exchange.request.method === 'HEAD') return subscriber.complete();
      // From now on the stream ends when its principal's rights end, even if it carries no events of push.
      if (!client.attach() || !position.readsLog) return;
      position.presentBy((topics, presence) => client.present(topics, presence));
      client.say(options.dialect.opening(options.comeBackIn(), position.openingId));
      client.keepAlive();
    };
    subscriber.add(whenHeadersAreSent(raw(exchange.response), open));
  });
}

/** Ends a stream whose pipe failed: before the headers, by the application's exception filters; later, by an event. */
function fail(
  { client, position, response }: SseExchange,
  subscriber: Subscriber<MessageEvent>,
  thrown: unknown,
  { refuse, report }: PipedOptions,
): void {
  client.reason = 'error';
  if (!raw(response).headersSent) {
    try {
      subscriber.add(refuse(thrown).subscribe(subscriber));
    } catch (error) {
      subscriber.error(error);
    }
    return;
  }
  if (!position.readsLog) {
    subscriber.error(thrown);
    return;
  }
  const { error, isExpected } = explain(thrown, client);
  if (!isExpected) report(thrown);
  const id = error.retryable ? position.reached : endOfStream;
  subscriber.next({ type: 'push.error', data: errorReport(error), id });
  subscriber.complete();
}
