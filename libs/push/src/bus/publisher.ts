import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import type { Draft } from '../contracts/event.js';
import { printPosition } from '../contracts/position.js';
import type { Outgoing, Publishing, PublishSpan } from '../contracts/tracer.js';
import type { Hub } from '../hub/hub.js';

/** Hands events that were checked to the backplane, which are counted and traced. */
export class Publisher {
  constructor(
    private readonly hub: Pick<Hub, 'counts' | 'assertRoom' | 'congested' | 'tracer'>,
    private readonly backplane: Pick<Backplane, 'append' | 'sendEphemeral'>,
  ) {}

  /** Resolves with the event's id; `undefined` for an ephemeral one. */
  publish(draft: Draft, isEphemeral: boolean): Promise<string | undefined> {
    const span = this.hub.tracer?.publishing([{ draft, isEphemeral }], 'publish');
    return isEphemeral ? this.sendEphemeral(draft, span) : this.store(draft, span);
  }

  /** Publishes events in order, in one span. */
  publishMany(events: readonly Outgoing[]): Promise<(string | undefined)[]> {
    const span = events.length > 0 ? this.hub.tracer?.publishing(events, 'publish') : undefined;
    const part = span && { carry: (draft: Draft) => span.carry(draft) };
    const sent = Promise.all(
      events.map(({ draft, isEphemeral }) =>
        isEphemeral ? this.sendEphemeral(draft, part) : this.store(draft, part),
      ),
    );
    return span ? traced(span, sent) : sent;
  }

  /** As `publish`, for an event that is stored. */
  append(draft: Draft, what: Publishing = 'publish'): Promise<string> {
    return this.store(draft, this.hub.tracer?.publishing([{ draft, isEphemeral: false }], what));
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

  /** Not an `async` function: those of a burst, which all wait for the end of the turn, take twice the memory. */
  private store(draft: Draft, span: SpanOrPart | undefined): Promise<string> {
    const began = performance.now();
    const fail = (error: unknown): never => {
      throw this.failed(draft, false, began, error, span);
    };
    try {
      this.hub.assertRoom(began);
      return this.backplane
        .append(span ? span.carry(draft) : draft)
        .then((position) => this.stored(draft, printPosition(position), began, span), fail);
    } catch (error) {
      return Promise.reject(this.failed(draft, false, began, error, span) as Error);
    }
  }

  private stored(
    draft: Draft,
    id: string,
    began: number,
    span: SpanOrPart | undefined,
  ): string | Promise<string> {
    this.hub.counts.published(draft.topic, false, began);
    const congested = this.hub.congested(began);
    if (congested) return congested.then(this.ended.bind(this, id, span));
    return this.ended(id, span);
  }

  private ended(id: string, span: SpanOrPart | undefined): string {
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
