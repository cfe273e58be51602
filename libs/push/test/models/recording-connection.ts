import type { Connection, GapNotice } from '../../src/contracts/connection.js';
import type { PushError } from '../../src/contracts/errors.js';
import type { Batch } from '../../src/contracts/event.js';

let count = 0;

/** `topic=data` for each event of a batch, `reason(topics)` for a gap notice. */
export function storyOf(write: Batch | GapNotice): string[] {
  if ('reason' in write) return [`${write.reason}(${write.topics.join(' ')})`];
  return write.events.map(({ topic, data }) => `${topic}=${data}`);
}

/** A connection in memory that remembers what it was sent. Its socket is full once `room` writes were taken. */
export class RecordingConnection implements Connection {
  readonly id = `recording-${++count}`;
  /** How many more writes are taken before the socket is full. */
  room = Infinity;
  /** Batches and gap notices, in the order in which they came. */
  readonly writes: (Batch | GapNotice)[] = [];
  /** Why the connection was ended. */
  error: PushError | undefined;

  write(batch: Batch): boolean {
    return this.take(batch);
  }

  gap(notice: GapNotice): boolean {
    return this.take(notice);
  }

  fail(error: PushError): void {
    this.error = error;
  }

  get batches(): Batch[] {
    return this.writes.filter((write) => 'events' in write);
  }

  get gaps(): GapNotice[] {
    return this.writes.filter((write) => 'reason' in write);
  }

  /** What it was sent, readable. */
  get story(): string[] {
    return this.writes.flatMap(storyOf);
  }

  /** The id of what came last: where a client would resume. */
  get lastId(): string | undefined {
    for (const write of [...this.writes].reverse()) {
      if (!('events' in write)) return write.id;
      const id = write.events.findLast((event) => event.id)?.id;
      if (id) return id;
    }
    return undefined;
  }

  private take(write: Batch | GapNotice): boolean {
    this.writes.push(write);
    this.room--;
    return this.room > 0;
  }
}
