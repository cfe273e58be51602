import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { PushError } from '../../contracts/errors.js';

/** Ends a span with an error. Its type is the code of a `PushError`, else the name of the error. */
export function endWith(span: Span, error: unknown): void {
  const isError = error instanceof Error;
  const type = error instanceof PushError ? error.code : isError ? error.name : '_OTHER';
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: isError ? error.message : String(error) });
  span.end();
}
