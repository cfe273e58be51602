/** A chunk of a message, as `toUIMessageStream()` of the AI SDK emits it. Its `type` says what else it has. */
export interface ChatChunk {
  readonly type: string;
}

/** The chunks of which a message consists mostly: by type, what names their part, and what they add to it. */
const deltas = new Map<string, { readonly part: string; readonly text: string }>([
  ['text-delta', { part: 'id', text: 'delta' }],
  ['reasoning-delta', { part: 'id', text: 'delta' }],
  ['tool-input-delta', { part: 'toolCallId', text: 'inputTextDelta' }],
]);

/**
 * One chunk that says what two consecutive ones do; `undefined` if there is none. Only deltas of the same part are joined, and
 * only those that have nothing else, such as the metadata of a provider.
 */
export function joinChunks(first: ChatChunk, second: ChatChunk): ChatChunk | undefined {
  const delta = deltas.get(first.type);
  if (!delta || first.type !== second.type) return undefined;
  const { part, text } = delta;
  const [one, other] = [plain(first), plain(second)];
  if (one[part] !== other[part] || hasMore(one) || hasMore(other)) return undefined;
  const [before, after] = [one[text], other[text]];
  if (typeof before !== 'string' || typeof after !== 'string') return undefined;
  return { ...first, [text]: before + after };
}

function plain(chunk: ChatChunk): Readonly<Record<string, unknown>> {
  return chunk as ChatChunk & Record<string, unknown>;
}

/** Whether a delta has more than its type, its part and its text. */
function hasMore(chunk: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(chunk).length > 3;
}
