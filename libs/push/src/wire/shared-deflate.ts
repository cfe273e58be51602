import { constants, deflateRawSync, type ZlibOptions } from 'node:zlib';

/*
 * DEFLATE with a context that many readers share (RFC 1951). A reader's inflater keeps the last bytes that it has put out. What
 * is compressed here may refer to the last bytes that all of the readers have got, and to nothing before them. So it can be
 * read whatever else a reader has got before.
 */

/** How much of the past is referred to, in bytes: twice as much makes the orders of the benchmark smaller by 4 %, for twice the time. */
export const contextBytes = 2_048;

/** The window that a reader needs, as the exponent of its size in bytes: 4 KiB. A reader's window is usually 32 KiB. */
export const windowBits = 12;

const options: ZlibOptions = { windowBits, memLevel: 5, finishFlush: constants.Z_SYNC_FLUSH };

const empty = Buffer.alloc(0);

/** Room for the result, whatever the bytes are. By default `zlib` takes 16 KiB each time, which wait for the garbage collector. */
function mostCompressed(length: number): number {
  return length + (length >> 3) + 64;
}

/** What readers have in common. */
export class DeflateContext {
  /** The last bytes that all of them have got. */
  private past = empty;

  /** Nothing is referred to any more: what comes next can be read by everybody. */
  reset(): void {
    this.past = empty;
  }

  /** Whether it has nothing in common. */
  get isEmpty(): boolean {
    return this.past.length === 0;
  }

  /** Compresses bytes, and ends at a whole byte with an empty stored block: `00 00 ff ff`. The readers have to get the result. */
  compress(bytes: Buffer): Buffer {
    const { past } = this;
    const compressed = deflateRawSync(bytes, {
      ...options,
      chunkSize: mostCompressed(bytes.length),
      ...(past.length > 0 && { dictionary: past }),
    });
    this.keep(bytes);
    return compressed;
  }

  /** Notes bytes that all readers get as they are. */
  keep(bytes: Buffer): void {
    const { past } = this;
    const rest = Math.min(past.length, Math.max(0, contextBytes - bytes.length));
    const own = Math.min(bytes.length, contextBytes);
    // Not a part of another buffer, which would be kept in memory.
    const next = Buffer.allocUnsafeSlow(rest + own);
    past.copy(next, 0, past.length - rest);
    bytes.copy(next, rest, bytes.length - own);
    this.past = next;
  }
}
