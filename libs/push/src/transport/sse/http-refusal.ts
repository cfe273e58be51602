import { HttpException } from '@nestjs/common';
import { logRefusal } from '../../bus/debug-log.js';
import { explain } from '../../bus/failure.js';
import { PushError } from '../../contracts/errors.js';
import type { Door } from '../../clients/door.js';
import type { RawResponse } from '../../platform/raw-response.js';

/** The HTTP response to a `PushError`. */
export class PushRefusal extends HttpException {
  static of(error: PushError): PushRefusal {
    const { status, code, message, details } = error;
    return new PushRefusal({ statusCode: status, code, message, details }, status, { cause: error });
  }
}

/** Returns `thrown` if it is an error that clients may see. */
export function refusalOf(thrown: unknown): PushError | undefined {
  return thrown instanceof PushError && thrown.expose ? thrown : undefined;
}

/**
 * What a handler of push's own endpoints threw, in the words of the protocol: an exception of Nest that a policy, or the validation
 * of its payload, has thrown for the client keeps its status, and gets a code.
 */
export function inProtocol(thrown: unknown, response: RawResponse): unknown {
  if (!(thrown instanceof HttpException) || thrown instanceof PushRefusal) return thrown;
  const { error, details, isExpected } = explain(thrown);
  if (!isExpected) return thrown;
  forbidCaching(response);
  const status = thrown.getStatus();
  const { code, message } = error;
  return new PushRefusal({ statusCode: status, code, message, details }, status, { cause: thrown });
}

/** A refusal holds for one client at one moment: no cache may repeat it. */
export function forbidCaching(response: RawResponse): void {
  response.setHeader('Cache-Control', 'no-store');
}

/** Sets the headers of a refusal on `response`, and throws the exception that makes Nest answer with the status of `error`. */
export function refuse(response: RawResponse, door: Door, error: PushError): never {
  logRefusal(error);
  const { status, retryable } = error;
  forbidCaching(response);
  // RFC 9110, sections 11.6.1 and 10.2.3
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (retryable) response.setHeader('Retry-After', Math.ceil(door.comeBackIn / 1000));
  throw PushRefusal.of(error);
}

/**
 * Runs `run`, and turns a `PushError` that clients may see into its HTTP response. A client that asks for something it may not
 * have is not a server error, so no stack is logged.
 */
export function refusing(response: RawResponse, door: Door, run: () => unknown): unknown {
  return caught(run, (thrown) => {
    const error = refusalOf(thrown);
    if (error) return refuse(response, door, error);
    throw thrown;
  });
}

/** Runs `run`, and passes what it throws, synchronously or not, to `then`. */
export function caught(run: () => unknown, then: (thrown: unknown) => unknown): unknown {
  try {
    const result = run();
    return result instanceof Promise ? result.catch(then) : result;
  } catch (error) {
    return then(error);
  }
}
