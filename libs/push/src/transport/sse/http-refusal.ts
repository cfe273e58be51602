import { HttpException } from '@nestjs/common';
import { logRefusal } from '../../bus/debug-log.js';
import { PushError } from '../../contracts/errors.js';
import type { Door } from '../../clients/door.js';
import type { RawResponse } from '../../platform/raw-response.js';

/** The HTTP answer that an error stands for. */
export class PushRefusal extends HttpException {
  static of(error: PushError): PushRefusal {
    const { status, code, message, details } = error;
    return new PushRefusal({ statusCode: status, code, message, details }, status, { cause: error });
  }
}

/** What a client is told of `thrown`, if it is an error that clients may see. */
export function refusalOf(thrown: unknown): PushError | undefined {
  return thrown instanceof PushError && thrown.expose ? thrown : undefined;
}

/** What is refused to one client, or now, is no answer for others, or for later. */
export function forbidCaching(response: RawResponse): void {
  response.setHeader('Cache-Control', 'no-store');
}

/** Puts the headers of a refusal on `response`, and throws what Nest answers with the status that `error` stands for. */
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
 * A PushError becomes the HTTP answer that it stands for: a client that asks for what it may not have is no error of the
 * server, to be logged with a stack.
 */
export function refusing(response: RawResponse, door: Door, run: () => unknown): unknown {
  return caught(run, (thrown) => {
    const error = refusalOf(thrown);
    if (error) return refuse(response, door, error);
    throw thrown;
  });
}

/** Runs `run`; what it throws, now or later, goes to `then`. */
export function caught(run: () => unknown, then: (thrown: unknown) => unknown): unknown {
  try {
    const result = run();
    return result instanceof Promise ? result.catch(then) : result;
  } catch (error) {
    return then(error);
  }
}
