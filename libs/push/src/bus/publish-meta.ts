import { PushError } from '../contracts/errors.js';
import { maxMetaBytes, tagName, type EventMeta } from '../contracts/event-meta.js';

const ownNames: ReadonlySet<string> = new Set(['end', 'removed', 'row']);

/**
 * The metadata that an application publishes with an event: a frozen copy, or `undefined` for none.
 *
 * @throws PushError `INVALID_OPTION`
 */
export function checkedMeta(meta: unknown): EventMeta | undefined {
  if (meta === undefined) return undefined;
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta))
    throw invalid('meta is an object, such as { source: "import" }.');
  // As in JSON, a property that is undefined is none. An event that is passed on keeps its tag for itself.
  const entries = Object.entries(meta).filter(([name, value]) => value !== undefined && name !== tagName);
  for (const [name, value] of entries) checkProperty(name, value);
  if (entries.length === 0) return undefined;
  // Own properties, whatever their names: an assignment to "__proto__" would make none.
  const copy = Object.freeze(Object.fromEntries(entries)) as EventMeta;
  const bytes = Buffer.byteLength(JSON.stringify(copy));
  if (bytes > maxMetaBytes)
    throw invalid(
      `meta has ${bytes} bytes as JSON; it takes ${maxMetaBytes}. Put large values into the data.`,
    );
  return copy;
}

/** Metadata with these properties besides, each only if there is still room for it. Those that it has stay as they are. */
export function metaWith(meta: EventMeta | undefined, more: EventMeta): EventMeta | undefined {
  let all = meta;
  let bytes = meta === undefined ? 0 : Buffer.byteLength(JSON.stringify(meta));
  for (const [name, value] of Object.entries(more)) {
    if (meta !== undefined && Object.hasOwn(meta, name)) continue;
    // With the braces, or with the comma and one brace too many.
    bytes += Buffer.byteLength(JSON.stringify({ [name]: value }));
    if (bytes > maxMetaBytes) break;
    all = { ...all, [name]: value };
  }
  return all === undefined ? undefined : Object.freeze(all);
}

function checkProperty(name: string, value: unknown): void {
  const shown = JSON.stringify(name);
  if (ownNames.has(name) || name.startsWith('$'))
    throw invalid(
      `meta may not have ${shown}: "end", "removed", "row" and names that begin with "$" are the library's own. Use another name.`,
    );
  const isFlat = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  if (!isFlat)
    throw invalid(
      `meta is flat: ${shown} has to be a string, a finite number or a boolean. Put anything else into the data.`,
    );
}

function invalid(message: string): PushError {
  return new PushError('INVALID_OPTION', message);
}
