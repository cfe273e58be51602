import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { PushError } from '../../contracts/errors.js';
import { PushRefusal } from './http-refusal.js';

/** What responses of Express and Fastify have in common, and Node's has not by the same name. */
export interface Reply {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: string): unknown;
}

/**
 * The answers of push's own endpoints to what they refuse. A filter of a controller comes before the application's global ones,
 * which may give errors any form; what the application's own guards throw is left to them.
 */
@Catch(PushRefusal, PushError)
export class PushRefusalFilter implements ExceptionFilter<PushRefusal | PushError> {
  catch(exception: PushRefusal | PushError, host: ArgumentsHost): void {
    const refusal = exception instanceof PushRefusal ? exception : PushRefusal.of(hidden(exception));
    answer(host.switchToHttp().getResponse<Reply>(), refusal.getStatus(), refusal.getResponse());
  }
}

/** Writes JSON as text: what Express and Fastify make of objects depends on the application's settings. */
export function answer(response: Reply, status: number, body: object | string): void {
  response
    .status(status)
    .header('Content-Type', 'application/json; charset=utf-8')
    .send(JSON.stringify(body));
}

function hidden(error: PushError): PushError {
  return error.expose ? error : new PushError('INTERNAL', 'The server failed.', { cause: error });
}
