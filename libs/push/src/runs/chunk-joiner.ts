/** Makes one chunk of two, or `undefined`. */
export type Join<Chunk> = (first: Chunk, second: Chunk) => Chunk | undefined;

/** How many bytes a chunk takes as JSON, at most. Of what is not JSON: 0; publishing refuses it. */
export function bytesOf(chunk: unknown): number {
  // A UTF-16 unit takes six bytes at most, so that the usual token of a text need not be looked at.
  if (typeof chunk === 'string' && chunk.length < 256) return 6 * chunk.length + 2;
  try {
    const json = JSON.stringify(chunk) as string | undefined;
    return json === undefined ? 0 : Buffer.byteLength(json);
  } catch {
    return 0;
  }
}

/** Strings are concatenated. */
export function joinStrings(first: unknown, second: unknown): unknown {
  return typeof first === 'string' && typeof second === 'string' ? first + second : undefined;
}

/** A chunk, and how many bytes it takes at most. */
export interface SizedChunk<Chunk> {
  readonly chunk: Chunk;
  readonly bytes: number;
}

/**
 * Makes events of chunks, as few as can be: of those that follow each other and can be joined, as far as one event may be large.
 *
 * @param maxBytes the most that an event may have. A chunk that is larger by itself stays as it is
 * @throws what `join` throws
 */
export function joined<Chunk>(
  chunks: readonly SizedChunk<Chunk>[],
  join: Join<Chunk>,
  maxBytes: number,
): Chunk[] {
  const events: Chunk[] = [];
  for (let next = 0; next < chunks.length;) {
    const group = groupAt(chunks, next, join, maxBytes);
    const { length } = group.chunks;
    // What is joined may have become larger than its parts.
    const isTooLarge = length > 1 && group.isOthers && bytesOf(group.event) > maxBytes;
    events.push(...(isTooLarge ? group.chunks : [group.event]));
    next += length;
  }
  return events;
}

/** The chunks from `start` on that make one event. */
function groupAt<Chunk>(
  chunks: readonly SizedChunk<Chunk>[],
  start: number,
  join: Join<Chunk>,
  maxBytes: number,
): { readonly event: Chunk; readonly chunks: Chunk[]; readonly isOthers: boolean } {
  const first = chunks[start]!;
  let event = first.chunk;
  let { bytes } = first;
  const parts = [event];
  for (const { chunk, bytes: more } of chunks.slice(start + 1)) {
    const both = bytes + more <= maxBytes ? join(event, chunk) : undefined;
    if (both === undefined) break;
    event = both;
    bytes += more;
    parts.push(chunk);
  }
  return { event, chunks: parts, isOthers: join !== (joinStrings as Join<Chunk>) };
}
