import type { PushEvent } from '../bus/handled-events.js';
import { over, type EventReader, type Result } from './event-reader.js';

/**
 * Closes the readers of iterators that nobody holds any more. Whoever is thrown an error by what is around an iterator, such as a filter,
 * takes it for ended, and does not call `return()`.
 */
const abandoned = new FinalizationRegistry<EventReader>((reader) => reader.close());

/** What a subscription is handed: it asks its reader, which does not know it. */
export class EventIterator implements AsyncIterableIterator<PushEvent, undefined> {
  constructor(private readonly reader: EventReader) {
    abandoned.register(this, reader);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws (the promise rejects) as `EventReader.next()` */
  next(): Promise<Result> {
    return this.reader.next();
  }

  return(): Promise<Result> {
    this.reader.close();
    return Promise.resolve(over);
  }

  throw(error: unknown): Promise<Result> {
    this.reader.close();
    return Promise.reject(error as Error);
  }
}
