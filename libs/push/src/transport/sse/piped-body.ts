import type { MessageEvent } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { explain } from '../../bus/failure.js';
import { whenHeadersAreSent } from '../../platform/written-body.js';
import { raw } from '../../platform/raw-response.js';
import { endOfStream, errorReport } from '../../wire/sse.codec.js';
import type { SseDialect } from '../../wire/sse.dialect.js';
import { identify } from './piped-message.js';
import { servedTo } from './place.js';
import type { SseExchange } from './exchange.js';

/** What a client gets instead of its stream, as long as nothing is sent. @throws what is no refusal */
export type Refusal = (thrown: unknown) => Observable<MessageEvent>;

/** What a piped stream needs besides its events. */
export interface PipedOptions {
  readonly dialect: SseDialect;
  readonly refuse: Refusal;
  readonly comeBackIn: () => number;
  readonly report: (error: unknown) => void;
}

/**
 * A body whose events go through Nest and the application's pipe. Its client is looked after beside it: it is told how to
 * come back, and that it lives. Heartbeats move no id, since events may still be on their way through the pipe. Each write is
 * a whole block, as Nest's are.
 */
export function pipedBody(
  exchange: SseExchange,
  events: Observable<MessageEvent>,
  options: PipedOptions,
): Observable<MessageEvent> {
  const { client, outlet, place, isIntercepted } = exchange;
  return new Observable<MessageEvent>((subscriber) => {
    outlet.share(() => subscriber.complete());
    client.speak(options.dialect);
    subscriber.add(() => client.stop());
    const failed = (thrown: unknown) => fail(exchange, subscriber, thrown, options);
    const observer = {
      next: (message: MessageEvent) => {
        try {
          message = identify(message, place, !isIntercepted);
        } catch (error) {
          failed(error);
          return;
        }
        subscriber.next(message);
      },
      error: failed,
      complete: () => {
        client.reason = 'end';
        subscriber.complete();
      },
    };
    subscriber.add(servedTo(place, () => events.subscribe(observer)));
    if (exchange.request.method === 'HEAD') return;
    const open = () => {
      // From now on the stream ends with its principal, whatever its events are.
      if (!client.attach() || !place.isUsed) return;
      client.say(options.dialect.opening(options.comeBackIn(), place.opening));
      client.keepAlive();
    };
    subscriber.add(whenHeadersAreSent(raw(exchange.response), open));
  });
}

/** The application's pipe failed. While nothing is sent, its exception filters answer; then the stream says it. */
function fail(
  { client, place, response }: SseExchange,
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
  if (!place.isUsed) {
    subscriber.error(thrown);
    return;
  }
  const { error, isExpected } = explain(thrown);
  if (!isExpected) report(thrown);
  const id = error.retryable ? place.reached : endOfStream;
  subscriber.next({ type: 'push.error', data: errorReport(error), id });
  subscriber.complete();
}
