import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { ErrorReporter } from '../../bus/error-reporter.js';
import { PushError } from '../../contracts/errors.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import { explain, type Failure } from '../../bus/failure.js';
import { MessageInbox } from './message-inbox.js';

/**
 * Answers a message that failed (in a guard, a pipe, an interceptor or the handler) with an error that names its `ref`.
 * What the application did not throw on purpose is reported, and not told.
 */
@Catch()
export class PushWsFilter implements ExceptionFilter {
  constructor(@Inject(ErrorReporter) private readonly errors: ErrorReporter) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const client = MessageInbox.of(host.switchToWs().getClient<object>())?.client;
    const message = host.switchToWs().getData<{ ref?: unknown } | undefined>();
    const ref = typeof message?.ref === 'string' ? message.ref.slice(0, 64) : undefined;
    const { error, details, isExpected } =
      exception instanceof WsException ? explainWs(exception) : explain(exception);
    if (!isExpected) this.errors.report(exception, { stage: 'message', connection: client?.id });
    client?.send(errorMessage(error, ref, details));
  }
}

/** What Nest throws for a guard that said no. */
const guardSaidNo = 'Forbidden resource';

function explainWs({ message }: WsException): Failure {
  const code = message === guardSaidNo ? 'FORBIDDEN' : 'INVALID_MESSAGE';
  return { error: new PushError(code, message), isExpected: true };
}
