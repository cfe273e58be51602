import { Inject, Injectable, Logger } from '@nestjs/common';
import { pushSettings } from '../contracts/settings.js';
import { increment } from '../hub/counts.js';
import { logFailure } from './debug-log.js';

/**
 * What failed.
 *
 * | stage | the error is of |
 * | --- | --- |
 * | `authenticate` | the application's `Authenticator` |
 * | `policy` | a `TopicPolicy`, or an `access` function |
 * | `connect`, `subscribe` | a hook of that name. `connect` also: whatever else failed while a WebSocket client was let in |
 * | `unsubscribe`, `disconnect` | a hook of that name |
 * | `handler` | a subscriber of `EventBus.on()`, or an `@OnPush()` method |
 * | `message` | a guard, pipe or handler that ran for the message of a client |
 * | `stream` | an `@Sse()` route, or what it pipes its stream through |
 * | `control` | a listener to the control messages of the backplane |
 * | `history` | reading older events from the backplane; reported once until a read succeeds |
 * | `snapshot` | a `@PushSnapshot()` method |
 * | `state` | removing the state of topics whose time is over |
 * | `presence` | keeping who is there |
 * | `run` | the source of a run, its `join` or `compact`, or its end, which could not be stored |
 * | `lease` | keeping this node's lease, by which the others know that it is there |
 * | `outbox` | the relay of an outbox; reported once until it works again |
 * | `dead peers` | looking for connections whose peer has vanished |
 */
export type ErrorStage =
  | 'authenticate'
  | 'policy'
  | 'connect'
  | 'subscribe'
  | 'unsubscribe'
  | 'disconnect'
  | 'handler'
  | 'message'
  | 'stream'
  | 'control'
  | 'history'
  | 'snapshot'
  | 'state'
  | 'presence'
  | 'run'
  | 'lease'
  | 'outbox'
  | 'dead peers';

/** Where an error comes from that has no caller to be thrown to. */
export interface ErrorContext {
  /** What failed. */
  readonly stage: ErrorStage;
  /** The id of the connection that it happened on, if there is one. */
  readonly connection?: string;
}

/** Called with errors that have no caller to be thrown to: see `PushOptions.onError`. What it throws is logged. */
export type ErrorListener = (error: unknown, context: ErrorContext) => void;

const logger = new Logger('Push');

/** Where errors go that no caller awaits. They are reported, and never end the process. */
@Injectable()
export class ErrorReporter {
  /** How many errors were reported, by stage. @internal */
  readonly counts = new Map<ErrorStage, number>();
  private readonly listener: ErrorListener | undefined;

  /** @param settings `onError` is the application's listener; without it, errors are logged */
  constructor(@Inject(pushSettings) settings: { readonly onError?: ErrorListener }) {
    this.listener = settings.onError;
  }

  /** Calls the application's listener, or logs the error. Does not throw. */
  report(error: unknown, context: ErrorContext): void {
    increment(this.counts, context.stage);
    if (!this.listener) {
      logger.error(`Failed: ${context.stage}`, error instanceof Error ? error.stack : error);
      return;
    }
    logFailure(error, context.stage, context.connection);
    try {
      this.listener(error, context);
    } catch (failure) {
      logger.error('The onError listener itself failed.', failure instanceof Error ? failure.stack : failure);
    }
  }
}
