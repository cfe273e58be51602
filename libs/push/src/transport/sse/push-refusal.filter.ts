import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { PushError } from '../../contracts/errors.js';
import { PushRefusal } from './http-refusal.js';

/** The methods that responses of Express and Fastify share. Node's own response names them differently. */
export interface Reply {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: string | Buffer): unknown;
}

/**
 * Answers the requests that push's own endpoints refuse. A controller's filter runs before the application's global ones, which
 * may give errors any form. What the application's own guards throw is left to those.
 */
@Catch(PushRefusal, PushError)
export class PushRefusalFilter implements ExceptionFilter<PushRefusal | PushError> {
  catch(exception: PushRefusal | PushError, host: ArgumentsHost): void {
    const refusal = exception instanceof PushRefusal ? exception : PushRefusal.of(hidden(exception));
    answer(host.switchToHttp().getResponse<Reply>(), refusal.getStatus(), refusal.getResponse());
  }
}

/** Sends JSON as text, because the way Express and Fastify serialize objects depends on the application's settings. */
export function answer(response: Reply, status: number, body: object | string): void {
  answerJson(response, status, JSON.stringify(body));
}

/** As `answer`, for what is JSON already. */
export function answerJson(response: Reply, status: number, json: string | Buffer): void {
  response.status(status).header('Content-Type', 'application/json; charset=utf-8').send(json);
}

function hidden(error: PushError): PushError {
  return error.expose ? error : new PushError('INTERNAL', 'The server failed.', { cause: error });
}
