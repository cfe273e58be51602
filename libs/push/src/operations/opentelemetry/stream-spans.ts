import type { Span } from '@opentelemetry/api';
import { requestSpan } from './trace-context.js';

/**
 * The spans of requests that are answered by streams. An instrumentation of HTTP would end them when the response closes, hours
 * later, and they would say nothing of how long it took to answer: so they end when the stream begins.
 */
export class StreamSpans {
  private readonly ended = new WeakSet<Span>();

  /** Whether a span is that of a request whose stream has begun. */
  has(span: Span): boolean {
    return this.ended.has(span);
  }

  /** Ends the span of the current request. */
  begin(): void {
    const request = requestSpan();
    if (!request || this.ended.has(request.span)) return;
    const { span, route } = request;
    this.ended.add(span);
    if (!span.isRecording()) return;
    span.setAttribute('http.response.status_code', 200);
    if (route !== undefined) {
      span.setAttribute('http.route', route);
      const { name } = span as { readonly name?: string };
      if (name !== undefined && !name.includes(' ')) span.updateName(`${name} ${route}`);
    }
    span.end();
    quiet(span);
  }
}

/** The instrumentation ends the span once more when the response closes, and the SDK would log an error for each stream. */
function quiet(span: Span): void {
  const same = () => span;
  Object.assign(span, { setAttributes: same, setStatus: same, updateName: same, end: () => undefined });
}
