import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { PushError } from '../../contracts/errors.js';
import { errorMessage } from '../../wire/websocket.messages.js';
import { WebSocketConnections } from './websocket-connections.js';

/**
 * Answers a message that failed (in a guard, a pipe, an interceptor or the handler) with an error that names its `ref`.
 * What the application did not throw on purpose is logged, and not told.
 */
@Catch()
export class PushWsFilter implements ExceptionFilter {
  private readonly logger = new Logger('PushGateway');

  constructor(private readonly connections: WebSocketConnections) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<object>();
    const data = host.switchToWs().getData<{ ref?: unknown } | undefined>();
    const ref = typeof data?.ref === 'string' ? data.ref.slice(0, 64) : undefined;
    const { error, details } = this.explain(exception);
    this.connections.of(client)?.send(errorMessage(error, ref, details));
  }

  private explain(exception: unknown): { error: PushError; details?: string[] } {
    if (exception instanceof PushError) return { error: exception };
    if (exception instanceof WsException)
      return { error: new PushError('INVALID_MESSAGE', exception.message) };
    if (exception instanceof HttpException) return explainHttp(exception);
    this.logger.error(exception);
    return { error: new PushError('INTERNAL', 'The server failed to handle the message.') };
  }
}

/** Guards throw 401 and 403, pipes 400 with a list of what is wrong. */
function explainHttp(exception: HttpException): { error: PushError; details?: string[] } {
  const status = exception.getStatus();
  const body = exception.getResponse() as { message?: unknown };
  const details = Array.isArray(body.message) ? body.message.map(String) : undefined;
  if (status === 401) return { error: new PushError('UNAUTHENTICATED', exception.message) };
  if (status === 403) return { error: new PushError('FORBIDDEN', exception.message) };
  if (status === 429) return { error: new PushError('LIMIT_EXCEEDED', exception.message) };
  if (status < 500) return { error: new PushError('INVALID_MESSAGE', exception.message), details };
  return { error: new PushError('INTERNAL', 'The server failed to handle the message.') };
}
