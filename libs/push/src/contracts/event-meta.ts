/**
 * What an event carries beside its data: a small flat object, 4 KiB as JSON at most. Frozen.
 *
 * `end`, `removed`, `row` and names that begin with `$` are the library's own.
 */
export type EventMeta = Readonly<Record<string, string | number | boolean>>;
