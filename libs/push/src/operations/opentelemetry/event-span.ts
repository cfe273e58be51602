import type { Span, SpanContext } from '@opentelemetry/api';
import { metaWith } from '../../bus/publish-meta.js';
import { shownMeta, type EventMeta } from '../../contracts/event-meta.js';
import type { Draft } from '../../contracts/event.js';
import type { PublishSpan } from '../../contracts/tracer.js';
import { endWith } from './span-error.js';
import { metaOf } from './trace-context.js';

/** What events carry of the span that is active, where they have none of their own. */
export class EventContext implements PublishSpan {
  private meta: EventMeta | undefined;

  /** @param isShown whether clients get `traceparent` */
  constructor(
    private readonly spanContext: SpanContext,
    private readonly isShown: boolean,
  ) {}

  carry(draft: Draft): Draft {
    const { meta } = draft;
    // What the application has named itself stays.
    if (meta !== undefined && Object.hasOwn(meta, 'traceparent'))
      return this.isShown ? { ...draft, meta: metaWith(meta, shownMeta) } : draft;
    const own = (this.meta ??= this.ownMeta());
    return { ...draft, meta: meta === undefined ? own : metaWith(meta, own) };
  }

  private ownMeta(): EventMeta {
    const meta = metaOf(this.spanContext);
    return Object.freeze(this.isShown ? { ...shownMeta, ...meta } : meta);
  }

  end(_id?: string): void {}

  fail(_error: unknown): void {}
}

/** The span of one publication. */
export class EventSpan extends EventContext {
  constructor(
    private readonly span: Span,
    isShown: boolean,
  ) {
    super(span.spanContext(), isShown);
  }

  override end(id?: string): void {
    if (id !== undefined) this.span.setAttribute('messaging.message.id', id);
    this.span.end();
  }

  override fail(error: unknown): void {
    endWith(this.span, error);
  }
}
