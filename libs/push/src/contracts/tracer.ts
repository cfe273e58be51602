import type { Draft, LogEvent } from './event.js';

/** An event that is to be published. */
export interface Outgoing {
  readonly draft: Draft;
  readonly isEphemeral: boolean;
}

/**
 * What is done with events. `create` puts them aside for a later `relay`, which publishes them; a `part` is one of many events that
 * belong together, such as those of a run.
 */
export type Publishing = 'publish' | 'create' | 'relay' | 'part';

/** The span of a publication. It ends once, by `end` or `fail`. */
export interface PublishSpan {
  /** The draft with the context of the span in its metadata, unless it has one already, or there is no room for it. */
  carry(draft: Draft): Draft;
  /** @param id of the event that was stored; `undefined` if it has none, or there are several */
  end(id?: string): void;
  fail(error: unknown): void;
}

/**
 * Makes spans of what is published and handled, while somebody asks for them: `nestjs-push/opentelemetry` does. MUST NOT throw, but
 * for what `run` of `handle` throws.
 */
export interface Tracer {
  /** Begins the span of a publication. Returns `undefined` if there is nothing to record and nothing to carry. */
  publishing(events: readonly Outgoing[], what: Publishing): PublishSpan | undefined;
  /** An event was refused before it could be published. @param topic what was given for one */
  refused(topic: unknown, error: unknown): void;
  /**
   * Runs a handler of the application within a span of its own, and in no other context.
   *
   * @param pattern that it has asked for
   * @param run returns a promise of what it still does
   */
  handle(event: LogEvent, pattern: string, run: () => Promise<unknown> | undefined): void;
  /** The response to the current request is a stream that begins now, and may last for hours. */
  streamBegins(): void;
}
