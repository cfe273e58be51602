import {
  context,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanContext,
} from '@opentelemetry/api';
import type { EventMeta } from '../../contracts/event-meta.js';

/* Trace context as W3C writes it, in the metadata of an event. */

const traceparentGrammar =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-|$)/;

/** The most that is carried of a `tracestate`, in characters. A longer one is left out: it cannot be cut. */
const longestState = 512;

/** The context of a span as metadata. */
export function metaOf({ traceId, spanId, traceFlags, traceState }: SpanContext): EventMeta {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? '01' : '00'}`;
  const tracestate = traceState?.serialize();
  return tracestate && tracestate.length <= longestState ? { traceparent, tracestate } : { traceparent };
}

/** The context of the span that has published an event; `undefined` if its metadata names none. */
export function spanContextOf(meta: EventMeta | undefined): SpanContext | undefined {
  if (!meta || typeof meta.traceparent !== 'string') return undefined;
  const parts = traceparentGrammar.exec(meta.traceparent);
  if (!parts) return undefined;
  const [, traceId, spanId, flags] = parts;
  const { tracestate } = meta;
  return {
    traceId: traceId!,
    spanId: spanId!,
    traceFlags: Number.parseInt(flags!, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(typeof tracestate === 'string' && { traceState: createTraceState(tracestate) }),
  };
}

/** A context with nothing in it but the parent of a span. */
export function contextOf(parent: SpanContext | undefined): Context {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

/** Where instrumentations of HTTP servers keep the span of a request: other spans may be active within it. */
const rpcMetadata = Symbol.for('OpenTelemetry SDK Context Key RPC_METADATA');

/** The span of the current request, and its route where that is known. */
export interface RequestSpan {
  readonly span: Span;
  readonly route?: string;
}

/** What is known of the span of the current request. */
export function requestSpan(): RequestSpan | undefined {
  const current = context.active();
  const known = current.getValue(rpcMetadata) as RequestSpan | undefined;
  if (known) return known;
  const span = trace.getSpan(current);
  return span && (span as { readonly kind?: unknown }).kind === SpanKind.SERVER ? { span } : undefined;
}
