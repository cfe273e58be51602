import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { logRefusal } from '../../bus/debug-log.js';
import { ErrorReporter } from '../../bus/error-reporter.js';
import type { Client } from '../../clients/client.js';
import { PushError } from '../../contracts/errors.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import { explain, type Failure } from '../../bus/failure.js';
import { MessageInbox } from './message-inbox.js';

/**
 * Answers a message that failed (in a guard, a pipe, an interceptor or the handler) with an error that names its `ref`.
 * An unexpected error is reported to the application, and its message is hidden from the client.
 */
@Catch()
export class PushWsFilter implements ExceptionFilter {
  constructor(@Inject(ErrorReporter) private readonly errors: ErrorReporter) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const client = MessageInbox.of(host.switchToWs().getClient<object>())?.client;
    const message = host.switchToWs().getData<{ ref?: unknown } | undefined>();
    const ref = typeof message?.ref === 'string' ? message.ref.slice(0, 64) : undefined;
    const { error, details, isExpected } =
      exception instanceof WsException ? explainWs(exception, client) : explain(exception, client);
    if (!isExpected) this.errors.report(exception, { stage: 'message', connection: client?.id });
    client?.send(errorMessage(error, ref, details));
  }
}

/** The message of the exception that Nest throws when a guard denies access. */
const guardDenied = 'Forbidden resource';

function explainWs(exception: WsException, client: Client | undefined): Failure {
  const { message } = exception;
  const code = message === guardDenied ? 'FORBIDDEN' : 'INVALID_MESSAGE';
  const error = new PushError(code, message, { cause: exception });
  logRefusal(error, client);
  return { error, isExpected: true };
}
