import {
  context,
  INVALID_TRACEID,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer as SpanTracer,
} from '@opentelemetry/api';
import { PushError } from '../../contracts/errors.js';
import type { LogEvent } from '../../contracts/event.js';
import type { Outgoing, Publishing, PublishSpan, Tracer } from '../../contracts/tracer.js';
import type { Counts } from '../../hub/counts.js';
import { EventContext, EventSpan } from './event-span.js';
import { StreamSpans } from './stream-spans.js';
import { contextOf, spanContextOf } from './trace-context.js';
import { endWith } from './span-error.js';

/** The most links of a span: those of the SDK are as many. */
const mostLinks = 128;

/** How spans are made. */
export interface TracerSettings {
  /** Whether the span of a handler is in the trace of the publication. */
  readonly isOneTrace: boolean;
  /** Whether clients get `traceparent`. */
  readonly isShown: boolean;
}

/** Makes the spans of one node, by the semantic conventions for messaging. */
export class PushTracer implements Tracer {
  private readonly streams = new StreamSpans();

  constructor(
    private readonly spans: SpanTracer,
    private readonly counts: Pick<Counts, 'rules' | 'ruleOf'>,
    private readonly settings: TracerSettings,
  ) {}

  publishing(events: readonly Outgoing[], what: Publishing): PublishSpan | undefined {
    const isShown = this.settings.isShown && what !== 'create';
    if (what === 'part') {
      const active = trace.getSpanContext(context.active());
      return active && isSpanContextValid(active) ? new EventContext(active, isShown) : undefined;
    }
    const span = this.begin(events, what);
    // Without an SDK there is none.
    return span.spanContext().traceId === INVALID_TRACEID ? undefined : new EventSpan(span, isShown);
  }

  refused(topic: unknown, error: unknown): void {
    const isTopic =
      typeof topic === 'string' && !(error instanceof PushError && error.code === 'INVALID_TOPIC');
    const rule = isTopic ? this.ruleOf(topic) : '(none)';
    const attributes = attributesOf('publish', isTopic ? topic : '', rule);
    // What is no topic may be anything.
    if (!isTopic) delete attributes['messaging.destination.name'];
    const { kind, links, root, parent } = this.placeOf('publish', []);
    endWith(this.spans.startSpan(`publish ${rule}`, { kind, links, root, attributes }, parent), error);
  }

  handle(event: LogEvent, pattern: string, run: () => Promise<unknown> | undefined): void {
    const { topic, id, meta } = event;
    const rule = this.ruleOf(topic);
    const origin = spanContextOf(meta);
    const parent = contextOf(this.settings.isOneTrace ? origin : undefined);
    const attributes = attributesOf('process', topic, rule);
    attributes['messaging.destination.subscription.name'] = pattern;
    if (id !== undefined) attributes['messaging.message.id'] = id;
    const links = origin && [{ context: origin }];
    const span = this.spans.startSpan(
      `process ${rule}`,
      { kind: SpanKind.CONSUMER, attributes, links },
      parent,
    );
    let rest: Promise<unknown> | undefined;
    try {
      rest = context.with(trace.setSpan(parent, span), run);
    } catch (error) {
      endWith(span, error);
      throw error;
    }
    if (!rest) return span.end();
    rest.then(
      () => span.end(),
      (error: unknown) => {
        span.recordException(error as Error);
        endWith(span, error);
      },
    );
  }

  streamBegins(): void {
    this.streams.begin();
  }

  private begin(events: readonly Outgoing[], what: 'publish' | 'create' | 'relay'): Span {
    const { draft, isEphemeral } = events[0]!;
    const rule = this.ruleOf(draft.topic);
    const name = what === 'create' ? 'create' : 'publish';
    const isOne = events.length === 1;
    const attributes = isOne ? attributesOf(name, draft.topic, rule) : attributesOfMany(events, rule);
    if (isOne && isEphemeral) attributes['nestjs_push.ephemeral'] = true;
    const isOneRule = isOne || events.every((each) => this.ruleOf(each.draft.topic) === rule);
    const { kind, links, root, parent } = this.placeOf(what, events);
    const title = isOneRule ? `${name} ${rule}` : name;
    return this.spans.startSpan(title, { kind, links, root, attributes }, parent);
  }

  /**
   * Where the span of a publication belongs: it is a child of the active one. Without one, or in a relay, whose own context says
   * nothing, it is a child of the span that the event names itself. After the beginning of a stream it has a link to that, and so
   * has it to what events name besides.
   */
  private placeOf(what: Publishing, events: readonly Outgoing[]): Place {
    const current = what === 'relay' ? ROOT_CONTEXT : context.active();
    const active = trace.getSpan(current);
    const isLate = active !== undefined && this.streams.has(active);
    const named = namedBy(events);
    if (named.length === 0 && !isLate) return { kind: SpanKind.PRODUCER, parent: current };
    // Of the conventions: a span whose context no event carries is that of a client.
    const kind = named.length > 0 && named.length === events.length ? SpanKind.CLIENT : SpanKind.PRODUCER;
    if (isLate)
      return { kind, parent: current, root: true, links: linksTo([active.spanContext(), ...named]) };
    return { kind, parent: active ? current : contextOf(named[0]), links: linksTo(named) };
  }

  private ruleOf(topic: string): string {
    return this.counts.rules[this.counts.ruleOf(topic)]!;
  }
}

interface Place {
  readonly kind: SpanKind;
  readonly parent: Context;
  readonly root?: boolean;
  readonly links?: Link[];
}

/** The spans that events name themselves. */
function namedBy(events: readonly Outgoing[]): SpanContext[] {
  const named: SpanContext[] = [];
  for (const { draft } of events) {
    const own = draft.meta && spanContextOf(draft.meta);
    if (own) named.push(own);
  }
  return named;
}

function linksTo(contexts: readonly SpanContext[]): Link[] {
  const byId = new Map(contexts.map((each) => [each.spanId, { context: each }]));
  return [...byId.values()].slice(0, mostLinks);
}

const typeOf = { publish: 'send', create: 'create', process: 'process' } as const;

/** Of an operation on one topic. One literal: there is one for each event that is published. */
function attributesOf(name: keyof typeof typeOf, topic: string, rule: string): Attributes {
  return {
    'messaging.system': 'nestjs_push',
    'messaging.operation.name': name,
    'messaging.operation.type': typeOf[name],
    'messaging.destination.name': topic,
    'messaging.destination.template': rule,
  };
}

function attributesOfMany(events: readonly Outgoing[], rule: string): Attributes {
  const { topic } = events[0]!.draft;
  const attributes = attributesOf('publish', topic, rule);
  attributes['messaging.batch.message_count'] = events.length;
  if (events.some(({ draft }) => draft.topic !== topic)) {
    delete attributes['messaging.destination.name'];
    delete attributes['messaging.destination.template'];
  }
  return attributes;
}
