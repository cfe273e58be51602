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

/** The property that holds the tag of an event. */
export const tagName = '$tag';

/** The metadata of an event that has a tag. */
export function taggedMeta(tag: string, meta?: EventMeta): EventMeta {
  return Object.freeze({ ...meta, [tagName]: tag });
}

/** The tag of an event, by which its publisher recognises it; `undefined` if it has none. */
export function tagOf({ meta }: { readonly meta?: EventMeta }): string | undefined {
  const tag = meta?.[tagName];
  return typeof tag === 'string' ? tag : undefined;
}

/** Whether a text may be a tag, or a message id: 1 to 128 visible ASCII characters. */
export function isVisible(text: string): boolean {
  return /^[!-~]{1,128}$/.test(text);
}

/** The `traceparent` of an event that clients get; `undefined` if they get none. It costs nothing for events without metadata. */
export function shownTraceparent({ meta }: { readonly meta?: EventMeta }): string | undefined {
  if (meta?.[shown] !== true) return undefined;
  const { traceparent } = meta;
  // The application may have set it to anything, and a line end would end a field of a stream.
  return typeof traceparent === 'string' && isVisible(traceparent) ? traceparent : undefined;
}
