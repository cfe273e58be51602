import { PushError } from '../contracts/errors.js';
import { chunksOf, type ChunkSource, type ReadableChunks, type RunSource } from '../runs/chunk-source.js';
import type { ChatChunk } from './chunks.js';
import { neutralError } from './ui-message.dialect.js';

/**
 * The chunks of an answer: what `toUIMessageStream()` and `createUIMessageStream()` of the AI SDK return, an async generator, or an
 * `Observable`.
 */
export type ChatChunks = RunSource<ChatChunk>;

/**
 * Begins to write an answer. It is called once for each answer, however many read it.
 *
 * @param signal is aborted when the answer is stopped; not when its readers leave
 */
export type ChatSource = (signal: AbortSignal) => ChatChunks | Promise<ChatChunks>;

/** What is done with an error of the application's source. */
export interface SourceErrors {
  /** What the readers are told of it. Default: a text that says nothing about it. */
  readonly textOf: ((error: unknown) => string) | undefined;
  report(error: unknown): void;
}

/** The chunks of a source. If it fails, the last one says so: the readers have to be told, and no caller is there to catch the error. */
export function chatChunks(
  source: ChatSource,
  signal: AbortSignal,
  errors: SourceErrors,
): ReadableChunks<ChatChunk> {
  const made = madeBy(source, signal);
  // It is read at once, and its error is for the reader.
  made.catch(() => undefined);
  let hasFailed = false;
  const read = async () => {
    if (hasFailed) return { done: true };
    try {
      const { done = false, value } = await (await made).next();
      return { done, value };
    } catch (error) {
      hasFailed = true;
      // What fails because it was stopped has not failed.
      if (signal.aborted) return { done: true };
      errors.report(error);
      return { done: false, value: errorChunk(textFor(error, errors)) };
    }
  };
  return { getReader: () => ({ read, cancel: async () => (await made).stop() }) };
}

async function madeBy(source: ChatSource, signal: AbortSignal): Promise<ChunkSource<ChatChunk>> {
  const chunks = chunksOf(await source(signal));
  if (chunks) return chunks;
  throw new PushError('INVALID_OPTION', 'The source of an answer has returned nothing. Return its chunks.');
}

function textFor(error: unknown, { textOf, report }: SourceErrors): string {
  try {
    return textOf?.(error) ?? neutralError;
  } catch (failure) {
    report(failure);
    return neutralError;
  }
}

function errorChunk(errorText: string): ChatChunk {
  return { type: 'error', errorText } as ChatChunk;
}
