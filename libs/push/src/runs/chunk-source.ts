import { PushError } from '../contracts/errors.js';
import { SubscribedChunks, type SubscribableChunks } from './subscribed-chunks.js';

/** A web stream, of this process or of a library. */
export interface ReadableChunks<Chunk> {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Chunk | undefined }>;
    cancel(reason?: unknown): Promise<unknown>;
  };
}

/** What a run can be made of: an async iterable (an async generator, for example), a `ReadableStream`, or an `Observable`. */
export type RunSource<Chunk> = AsyncIterable<Chunk> | ReadableChunks<Chunk> | SubscribableChunks<Chunk>;

/** Brings chunks one by one. */
export interface ChunkSource<Chunk> {
  /** Not called again before it has settled. */
  next(): Promise<{ readonly done?: boolean; readonly value?: Chunk | undefined }>;
  /** Nothing more is wanted. The promise may never settle. */
  stop(): Promise<unknown>;
}

/**
 * Reads what a factory has returned; `undefined` if it has done everything by itself.
 *
 * @throws PushError `INVALID_OPTION`; what the source throws
 */
export function chunksOf<Chunk>(made: RunSource<Chunk> | undefined | void): ChunkSource<Chunk> | undefined {
  if (made === undefined || made === null) return undefined;
  // Its reader can be cancelled while a read is on its way, its iterator cannot.
  if (has(made, 'getReader')) {
    const reader = (made as ReadableChunks<Chunk>).getReader();
    return { next: () => reader.read(), stop: () => reader.cancel() };
  }
  if (has(made, Symbol.asyncIterator)) {
    const iterator = (made as AsyncIterable<Chunk>)[Symbol.asyncIterator]();
    return { next: () => iterator.next(), stop: async () => iterator.return?.() };
  }
  if (has(made, 'subscribe')) return new SubscribedChunks(made as SubscribableChunks<Chunk>);
  const takes = 'an async iterable, a ReadableStream, an Observable, or a promise of one or of nothing';
  throw new PushError('INVALID_OPTION', `The factory of a run returns ${takes}, and not ${typeof made}.`);
}

function has(made: unknown, method: PropertyKey): boolean {
  return typeof (made as Record<PropertyKey, unknown>)[method] === 'function';
}
