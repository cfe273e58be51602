import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { Draft } from '../contracts/event.js';
import { printPosition, type Position } from '../contracts/position.js';
import type { Outgoing, Publishing, PublishSpan } from '../contracts/tracer.js';
import type { Hub } from '../hub/hub.js';

/** Hands events that were checked to the backplane, which are counted and traced. */
export class Publisher {
  constructor(
    private readonly hub: Pick<Hub, 'counts' | 'assertRoom' | 'congested' | 'tracer'>,
    private readonly backplane: Pick<Backplane, 'append' | 'sendEphemeral'>,
  ) {}

  /** Resolves with the event's id; `undefined` for an ephemeral one. */
  publish(event: Outgoing): Promise<string | undefined> {
    return this.send(event, this.hub.tracer?.publishing([event], 'publish'));
  }

  /** Publishes events in order, in one span. */
  publishMany(events: readonly Outgoing[]): Promise<(string | undefined)[]> {
    const span = events.length > 0 ? this.hub.tracer?.publishing(events, 'publish') : undefined;
    const part = span && { carry: (draft: Draft) => span.carry(draft) };
    const sent = Promise.all(events.map((event) => this.send(event, part)));
    return span ? traced(span, sent) : sent;
  }

  /** As `publish`, for an event that is stored. */
  append(draft: Draft, what: Publishing = 'publish'): Promise<string> {
    return this.store(draft, this.hub.tracer?.publishing([{ draft, isEphemeral: false }], what));
  }

  private send(event: Outgoing, span: SpanOrPart | undefined): Promise<string | undefined> {
    return event.isEphemeral ? this.sendEphemeral(event.draft, span) : this.store(event.draft, span);
  }

  private async sendEphemeral(draft: Draft, span: SpanOrPart | undefined): Promise<undefined> {
    const began = performance.now();
    try {
      this.hub.assertRoom(began);
      await this.backplane.sendEphemeral(span ? span.carry(draft) : draft);
    } catch (error) {
      throw this.failed(draft, true, began, error, span);
    }
    this.hub.counts.published(draft.topic, true, began);
    const congested = this.hub.congested(began);
    if (congested) await congested;
    span?.end?.();
    return undefined;
  }

  private async store(draft: Draft, span: SpanOrPart | undefined): Promise<string> {
    const began = performance.now();
    let position: Position;
    try {
      this.hub.assertRoom(began);
      position = await this.backplane.append(span ? span.carry(draft) : draft);
    } catch (error) {
      throw this.failed(draft, false, began, error, span);
    }
    this.hub.counts.published(draft.topic, false, began);
    const congested = this.hub.congested(began);
    if (congested) await congested;
    const id = printPosition(position);
    span?.end?.(id);
    return id;
  }

  /** Counts a failure, and returns it. */
  private failed(
    { topic }: Draft,
    isEphemeral: boolean,
    began: number,
    error: unknown,
    span: SpanOrPart | undefined,
  ): unknown {
    const code = error instanceof PushError ? error.code : 'INTERNAL';
    this.hub.counts.published(topic, isEphemeral, began, code);
    span?.fail?.(error);
    return error;
  }
}

/** The span of an event, or for one of many what it carries of the span of all. */
type SpanOrPart = Pick<PublishSpan, 'carry'> & Partial<PublishSpan>;

async function traced<T>(span: PublishSpan, published: Promise<T>): Promise<T> {
  try {
    const result = await published;
    span.end();
    return result;
  } catch (error) {
    span.fail(error);
    throw error;
  }
}
