import { endOf, type End } from '../contracts/end.js';
import type { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { isRemoval } from '../contracts/state.js';
import { sseFramings, type Framings } from '../wire/sse.dialect.js';
import type { ChatChunk } from './chunks.js';

/*
 * The UI message stream of the AI SDK, version 1, over server-sent events: a block for each chunk, and `[DONE]` at its end. Its
 * parsers skip ids, `retry:` and comments, and take every `data:` for a chunk: what else push has to say is said in chunks, or
 * not at all.
 */

/** The headers by which its clients know it, besides those of event streams. */
export const uiMessageHeaders: Readonly<Record<string, string>> = { 'x-vercel-ai-ui-message-stream': 'v1' };

/** What a client is told of an error whose message is not meant for it. */
export const neutralError = 'The answer has broken off. Try again.';

/** A comment. Nothing is never written: an empty chunk ends a chunked body. */
const nothing = ':\n\n';

function block(data: string, id = ''): string {
  return `${id}data: ${data}\n\n`;
}

function chunkBlock(chunk: ChatChunk & Record<string, unknown>, id?: string): string {
  return block(JSON.stringify(chunk), id);
}

function errorBlock(errorText: string, id?: string): string {
  return chunkBlock({ type: 'error', errorText }, id);
}

/** What the end of a run means for its message. The chunks of one that was finished have said that themselves. */
function endBlock({ reason }: End, id: string, isContinued: boolean): string {
  switch (reason) {
    case 'done':
      return nothing;
    case 'cancelled': {
      const abort = chunkBlock({ type: 'abort', reason }, id);
      // A client that counts chunks comes back until it gets this one.
      return isContinued ? abort + chunkBlock({ type: 'finish' }) : abort;
    }
    case 'timeout':
      return errorBlock('The answer took too long, and was given up. Try again.', id);
    case 'lost':
      return errorBlock('The server that wrote the answer is gone. Try again.', id);
    default:
      return errorBlock(neutralError, id);
  }
}

function eventBlock(event: LogEvent, isContinued: boolean): string {
  const id = event.sequence === 0 ? '' : `id: ${event.id}\n`;
  if (isRemoval(event)) return errorBlock('The answer was deleted.', id);
  const end = endOf(event);
  if (!end || end.data === 'event') return block(event.data, id);
  return endBlock(end, id, isContinued);
}

function errorText({ code, expose, message }: PushError): string {
  return expose && code !== 'INTERNAL' ? message : neutralError;
}

function comment(): Buffer {
  return Buffer.from(nothing);
}

function framings(isContinued: boolean): Framings {
  return sseFramings((event) => eventBlock(event, isContinued), {
    opening: (retry) => Buffer.from(`retry: ${retry}\n\n`),
    gap: () => Buffer.from(errorBlock('A part of the answer is lost. Load it again.')),
    heartbeat: comment,
    error: (error) => Buffer.from(errorBlock(errorText(error))),
    drain: comment,
    // Most of its clients take the end of the stream for the end of the answer.
    reconnects: false,
    ended: () => Buffer.from(block('[DONE]')),
  });
}

/** A message from its first chunk on. */
export const uiMessages = framings(false);

/** The same for a client that counts the chunks it has, and asks for the others until it has seen `finish`. */
export const continuedUiMessages = framings(true);
