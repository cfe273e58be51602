import { Inject, Injectable, Logger } from '@nestjs/common';
import { pushSettings } from '../contracts/settings.js';
import { logFailure } from './debug-log.js';

/** Where an error came from that has nobody to be thrown to. */
export interface ErrorContext {
  /** What failed: `handler`, `stream`, `connect`, `disconnect`, `subscribe`, `history`, … */
  readonly stage: string;
  /** The connection that it happened on, if there is one. */
  readonly connection?: string;
}

/** Takes errors that belong to nobody. */
export type ErrorListener = (error: unknown, context: ErrorContext) => void;

const logger = new Logger('Push');

/** The one door for errors that nobody awaits: they are told, never thrown, never fatal. */
@Injectable()
export class ErrorReporter {
  private readonly listener: ErrorListener | undefined;

  /** Without a listener of the application's, errors are logged. */
  constructor(@Inject(pushSettings) { onError }: { readonly onError?: ErrorListener }) {
    this.listener = onError;
  }

  report(error: unknown, context: ErrorContext): void {
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
