import fc from 'fast-check';
import { constants, inflateRawSync } from 'node:zlib';
import { Batch, LogEvent } from '../contracts/event.js';
import { stored } from '../wire/gzip.js';
import { DeflateContext } from '../wire/shared-deflate.js';
import { SharedStream, type Membership } from './shared-stream.js';

/* A stream, read by inflaters that keep a window of all that was said to them, as those of clients do. */

const windowBytes = 32 * 1024;

class Reader implements Membership {
  state: number | undefined;
  readonly got: string[] = [];
  private window = Buffer.alloc(0);

  constructor(readonly isStored: boolean) {}

  /** What all who share it get: compressed, or as it is. A block that is not the last does not begin with the bits of a "{". */
  shared(bytes: Buffer): void {
    if (bytes[0] === 0x7b) {
      this.got.push(bytes.toString());
      return;
    }
    const dictionary = this.window.length > 0 ? { dictionary: this.window } : {};
    this.took(inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, ...dictionary }));
  }

  /** Plain bytes beside the compressed ones (WebSocket), or stored among them (gzip). */
  plain(bytes: Buffer): void {
    if (!this.isStored) this.got.push(bytes.toString());
    else {
      this.state = undefined;
      this.took(bytes);
    }
  }

  private took(bytes: Buffer): void {
    this.got.push(bytes.toString());
    this.window = Buffer.concat([this.window, bytes]).subarray(-windowBytes);
  }
}

let clock = 0;

let isExhausted = false;

/** @param isStored whether plain bytes are a part of what is inflated (gzip), or beside it (WebSocket) */
function streamOf(isStored = false): SharedStream {
  const context = new DeflateContext();
  return new SharedStream(
    {
      reset: () => context.reset(),
      compress: (bytes) => context.compress(bytes),
      store: (bytes) => {
        if (!isStored) return bytes;
        context.keep(bytes);
        return stored(bytes);
      },
    },
    (batch) => Buffer.from(batch.events[0]!.data),
    { take: () => !isExhausted },
    () => clock,
  );
}

function batchOf(number: number): Batch {
  const data = `{"id":"order-${number}","status":"paid","total":${number * 37}}`;
  return new Batch([new LogEvent('epoch', number, { topic: 'orders', data })]);
}

function give(stream: SharedStream, reader: Reader, batch: Batch): void {
  const bytes = stream.next(batch, reader);
  if (bytes) reader.shared(bytes);
  else reader.plain(Buffer.from(batch.events[0]!.data));
}

beforeEach(() => (isExhausted = false));

describe('A stream that readers share', () => {
  it('is read by all of them, whoever comes, goes, misses something or is told something alone, and whatever it may cost', () => {
    const acts = fc.record({
      who: fc.nat(5),
      act: fc.constantFrom(
        ...['publish', 'publish', 'publish', 'join', 'leave', 'miss', 'alone', 'wait', 'cost'],
      ),
    });
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 200 }), fc.boolean(), (script, isStored) => {
        isExhausted = false;
        const stream = streamOf(isStored);
        const readers = new Map<number, { reader: Reader; expected: string[] }>();
        let number = 0;
        const publish = (missing?: number) => {
          const batch = batchOf(++number);
          for (const [who, { reader, expected }] of readers) {
            if (who === missing) continue;
            give(stream, reader, batch);
            expected.push(batch.events[0]!.data);
          }
        };
        for (const { who, act } of script) {
          const one = readers.get(who);
          if (act === 'publish') publish();
          else if (act === 'miss') publish(who);
          else if (act === 'wait') clock += 300;
          else if (act === 'cost') isExhausted = !isExhausted;
          else if (act === 'join' && !one) {
            readers.set(who, { reader: new Reader(isStored), expected: [] });
            stream.size++;
          } else if (act === 'leave' && readers.delete(who)) stream.size--;
          else if (act === 'alone' && one) {
            one.reader.plain(Buffer.from('a reply'));
            one.expected.push('a reply');
          }
        }
        for (const { reader, expected } of readers.values()) expect(reader.got).toEqual(expected);
      }),
    );
  });

  it('lets in those who come with the first batches at once, and later ones every 250 ms at most', () => {
    const stream = streamOf();
    const readers = [new Reader(false), new Reader(false)];
    stream.size = 2;
    const isShared = (batch: Batch) => readers.map((reader) => stream.next(batch, reader) !== undefined);
    expect(isShared(batchOf(1))).toEqual([true, true]);
    const late = new Reader(false);
    readers.push(late);
    stream.size = 3;
    expect(isShared(batchOf(2))).toEqual([true, true, false]);
    expect(isShared(batchOf(3))).toEqual([true, true, true]);
    readers.push(new Reader(false));
    stream.size = 4;
    expect(isShared(batchOf(4))).toEqual([true, true, true, false]);
    clock += 249;
    expect(isShared(batchOf(5))).toEqual([true, true, true, false]);
    clock += 1;
    expect(isShared(batchOf(6))).toEqual([true, true, true, true]);
  });

  it('makes a few wait for more to come, or for 20 batches: those who share lose by a reset', () => {
    const stream = streamOf();
    const readers = Array.from({ length: 9 }, () => new Reader(false));
    stream.size = 9;
    const shared = (number: number) => {
      clock += 1_000;
      const batch = batchOf(number);
      return readers.filter((reader) => stream.next(batch, reader)).length;
    };
    expect(shared(1)).toBe(9);
    readers[0]!.state = undefined;
    const waited = Array.from({ length: 20 }, (_, index) => shared(2 + index));
    expect(waited).toEqual([...Array.from({ length: 19 }, () => 8), 9]);
    for (const reader of readers.slice(0, 3)) reader.state = undefined;
    expect(shared(30)).toBe(6);
    expect(shared(31)).toBe(9);
  });

  it('goes on with what its readers have in common when it may cost something again', () => {
    for (const isStored of [false, true]) {
      const stream = streamOf(isStored);
      const readers = [new Reader(isStored), new Reader(isStored)];
      stream.size = 2;
      const sizes = Array.from({ length: 12 }, (_, number) => {
        isExhausted = number >= 4 && number < 8;
        const batch = batchOf(1_000 + number);
        return readers.map((reader) => stream.next(batch, reader)!.length);
      });
      const plain = batchOf(1_000).events[0]!.data.length;
      for (const [number, both] of sizes.entries()) {
        expect(both[0]).toBe(both[1]);
        if (number >= 4 && number < 8) expect(both[0]).toBeGreaterThanOrEqual(plain);
        else if (number > 0) expect(both[0]).toBeLessThan(plain / 2);
      }
    }
  });

  it('compresses a batch once for all', () => {
    const stream = streamOf();
    const batch = batchOf(1);
    const bytes = [new Reader(false), new Reader(true)].map((reader) => stream.next(batch, reader));
    expect(bytes[0]).toBe(bytes[1]);
  });
});
