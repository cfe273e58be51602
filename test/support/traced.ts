import { context, ROOT_CONTEXT, trace, type Attributes, type Span } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Watched } from './watched.js';

/** A span that has ended, as tests look at it. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  /** The ids of the spans that it has links to. */
  readonly links: readonly string[];
  readonly attributes: Attributes;
  readonly isError: boolean;
  readonly exceptions: number;
}

/** The official SDK, and the spans that have ended. */
export class Traced extends Watched {
  readonly ended: EndedSpan[] = [];
  readonly tracerProvider: BasicTracerProvider;

  constructor(sampler: Sampler = new AlwaysOnSampler()) {
    super();
    // There is one for all of a process.
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const processor: SpanProcessor = {
      onStart: () => undefined,
      onEnd: (span) => {
        this.ended.push(shown(span));
        this.changed();
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    this.tracerProvider = new BasicTracerProvider({ sampler, spanProcessors: [processor] });
  }

  /** Runs something within a span, as an instrumentation of HTTP does. */
  async within<T>(name: string, run: (span: Span) => Promise<T>): Promise<T> {
    const span = this.tracerProvider.getTracer('test').startSpan(name, {}, ROOT_CONTEXT);
    try {
      return await context.with(trace.setSpan(ROOT_CONTEXT, span), () => run(span));
    } finally {
      span.end();
    }
  }

  of(name: string): EndedSpan[] {
    return this.ended.filter((span) => span.name === name);
  }

  /** The first span of this name, once there are `count`. */
  async span(name: string, count = 1): Promise<EndedSpan> {
    await this.until(() => this.of(name).length >= count);
    return this.of(name)[0]!;
  }
}

export function shown(span: ReadableSpan): EndedSpan {
  const { name, kind, parentSpanContext, links, attributes, status, events } = span;
  const { traceId, spanId } = span.spanContext();
  return {
    name,
    kind,
    traceId,
    spanId,
    parent: parentSpanContext?.spanId,
    links: links.map((link) => link.context.spanId),
    attributes,
    isError: status.code === 2,
    exceptions: events.filter((event) => event.name === 'exception').length,
  };
}
