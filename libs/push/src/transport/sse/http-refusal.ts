import { HttpException } from '@nestjs/common';
import { PushError } from '../../contracts/errors.js';
import type { Reception } from '../lifecycle/reception.js';
import type { RawResponse } from './raw-response.js';

/** The HTTP answer that an error stands for. */
export class PushRefusal extends HttpException {
  static of(error: PushError): PushRefusal {
    const { status, code, message, details } = error;
    return new PushRefusal({ statusCode: status, code, message, details }, status, { cause: error });
  }
}

/**
 * A PushError becomes the HTTP answer that it stands for: a client that asks for what it may not have is no error of the
 * server, to be logged with a stack.
 */
export function refusing(response: RawResponse, reception: Reception, run: () => unknown): unknown {
  const refuse = (thrown: unknown): never => {
    if (!(thrown instanceof PushError) || !thrown.expose) throw thrown;
    const { status, retryable } = thrown;
    // RFC 9110, sections 11.6.1 and 10.2.3
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    if (retryable) response.setHeader('Retry-After', Math.ceil(reception.comeBackIn / 1000));
    throw PushRefusal.of(thrown);
  };
  try {
    const result = run();
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    return refuse(error);
  }
}
