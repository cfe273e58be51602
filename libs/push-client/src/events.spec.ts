import { firstValueFrom, from as rxFrom, lastValueFrom, take, toArray } from 'rxjs';
import { eventsOf, type Reader } from './events.js';
import type { Ended, PushEvent } from './protocol/messages.js';
import type { Start } from './protocol/topics.js';
import { PushError } from './push-error.js';

/** Where events come from: a log that readers can be opened on anywhere. */
class Source {
  readonly log: PushEvent[] = [];
  readonly starts: (Start | undefined)[] = [];
  readers = new Map<Reader, number>();

  readonly open = (from: Start | undefined, reader: Reader) => {
    this.starts.push(from);
    this.readers.set(reader, from ? Number(from) : this.log.length);
    queueMicrotask(() => this.deliver());
    return () => {
      const position = String(this.readers.get(reader));
      this.readers.delete(reader);
      return position;
    };
  };

  publish(...data: number[]): void {
    for (const each of data) this.log.push({ topic: 't', id: String(this.log.length + 1), data: each });
    this.deliver();
  }

  /** Ends the topic: its readers are told once they have its events, also those that come later. */
  finish(reason: string): void {
    this.end = { topic: 't', reason };
    this.deliver();
  }

  private end: Ended | undefined;

  private deliver(): void {
    for (const reader of this.readers.keys()) {
      for (let at = this.readers.get(reader)!; at < this.log.length; at++) {
        if (!this.readers.has(reader)) break;
        this.readers.set(reader, at + 1);
        reader.next(this.log[at]!);
      }
      if (!this.end || this.readers.get(reader) !== this.log.length) continue;
      reader.notice?.({ event: 'ended', data: this.end });
      this.readers.delete(reader);
      reader.end();
    }
  }
}

describe('Events in a loop', () => {
  it('come in order, and end with the loop', async () => {
    const source = new Source();
    const got: unknown[] = [];
    queueMicrotask(() => source.publish(1, 2, 3));
    for await (const { data } of eventsOf(source.open, {})) {
      got.push(data);
      if (got.length === 2) break;
    }
    expect(got).toEqual([1, 2]);
    expect(source.readers.size).toBe(0);
  });

  it('wait for a loop that is slow without growing: it is resumed where it was', async () => {
    const source = new Source();
    const got: unknown[] = [];
    queueMicrotask(() => source.publish(...Array.from({ length: 100 }, (_, index) => index)));
    for await (const { data } of eventsOf(source.open, { limit: 10 })) {
      got.push(data);
      if (got.length === 100) break;
    }
    expect(got).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(source.starts).toEqual([undefined, '10', '20', '30', '40', '50', '60', '70', '80', '90']);
  });

  it('end after what is there when the reader ends, with its error if it has one', async () => {
    for (const error of [undefined, new PushError('FORBIDDEN', 'no')]) {
      const source = new Source();
      const got: unknown[] = [];
      const loop = (async () => {
        for await (const { data } of eventsOf(source.open, {})) got.push(data);
      })();
      await Promise.resolve();
      source.publish(1, 2);
      for (const reader of source.readers.keys()) reader.end(error);
      await (error ? expect(loop).rejects.toBe(error) : loop);
      expect(got).toEqual([1, 2]);
    }
  });

  it.each([
    ['at once', 1_000],
    ['by a loop that was slow, and is resumed there', 2],
  ])('finish with their topic, after what waits, taken %s; `ended` says why', async (_how, limit) => {
    const source = new Source();
    const events = eventsOf(source.open, { limit });
    const got: unknown[] = [];
    expect(events.ended).toBeUndefined();
    queueMicrotask(() => {
      source.publish(1, 2, 3, 4);
      source.finish('done');
    });
    for await (const { data } of events) {
      expect(events.ended?.reason).toBe(limit > 2 ? 'done' : undefined);
      got.push(data);
    }
    expect(got).toEqual([1, 2, 3, 4]);
    expect(events.ended).toEqual({ topic: 't', reason: 'done' });
    expect(source.readers.size).toBe(0);
  });

  it('complete with their topic in RxJS', async () => {
    const source = new Source();
    const events = eventsOf(source.open, { from: '0' });
    source.publish(1, 2);
    source.finish('cancelled');
    const got = await lastValueFrom(rxFrom(events).pipe(toArray()));
    expect([got.map(({ data }) => data), events.ended?.reason]).toEqual([[1, 2], 'cancelled']);
  });

  it('go to RxJS', async () => {
    const source = new Source();
    const got = firstValueFrom(rxFrom(eventsOf(source.open, {})).pipe(take(2), toArray()));
    source.publish(1, 2, 3);
    expect((await got).map(({ data }) => data)).toEqual([1, 2]);
    expect(source.readers.size).toBe(0);
  });
});
