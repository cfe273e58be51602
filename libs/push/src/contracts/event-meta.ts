/**
 * What an event carries beside its data: a small flat object, 4 KiB as JSON at most. Frozen.
 *
 * `end`, `removed`, `row` and names that begin with `$` are the library's own.
 */
export type EventMeta = Readonly<Record<string, string | number | boolean>>;

/** The most that metadata may take as JSON, in bytes. */
export const maxMetaBytes = 4096;

/** The property that lets clients have the `traceparent` of an event. */
const shown = '$shown';

/** What lets clients have the `traceparent` of an event. */
export const shownMeta: EventMeta = Object.freeze({ [shown]: true });

const visible = /^[!-~]{1,128}$/;

/** The `traceparent` of an event that clients get; `undefined` if they get none. It costs nothing for events without metadata. */
export function shownTraceparent({ meta }: { readonly meta?: EventMeta }): string | undefined {
  if (meta?.[shown] !== true) return undefined;
  const { traceparent } = meta;
  // The application may have set it to anything, and a line end would end a field of a stream.
  return typeof traceparent === 'string' && visible.test(traceparent) ? traceparent : undefined;
}
