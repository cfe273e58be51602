import { crc32 } from 'node:zlib';

/*
 * The parts of a gzip body that is written bit by bit (RFC 1952, RFC 1951): a header, then blocks that each end at a whole byte,
 * then a trailer.
 */

/** DEFLATE, no name, no time, an unknown system. */
export const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** The most bytes of a stored block (RFC 1951, section 3.2.4). */
const mostStored = 0xffff;

/** The length of the head of a stored block: its kind, its length, and the complement of that. */
const headBytes = 5;

/** An empty stored block. */
const flush = [0, 0, 0, 0xff, 0xff];

/**
 * Bytes as they are, in stored blocks. They move a reader's window as any others do. An empty block ends them, as a flush of DEFLATE
 * does: some readers (Go's) hand on nothing before it.
 */
export function stored(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / mostStored);
  const made = Buffer.allocUnsafe(bytes.length + (blocks + 1) * headBytes);
  for (let from = 0, at = 0; from < bytes.length; from += mostStored) {
    const length = Math.min(mostStored, bytes.length - from);
    made[at] = 0;
    made.writeUInt16LE(length, at + 1);
    made.writeUInt16LE(length ^ 0xffff, at + 3);
    bytes.copy(made, at + headBytes, from, from + length);
    at += headBytes + length;
  }
  made.set(flush, made.length - headBytes);
  return made;
}

/** Counts what a body has held, for its trailer. */
export class GzipSum {
  private sum = 0;
  private length = 0;

  /** @param bytes that were added to the body, before they were compressed */
  add(bytes: Buffer): void {
    this.sum = crc32(bytes, this.sum);
    this.length = (this.length + bytes.length) >>> 0;
  }

  /** The end of the body: an empty final block, the checksum and the length (modulo 2^32). */
  get trailer(): Buffer {
    const made = Buffer.allocUnsafe(headBytes + 8);
    made.set([1, 0, 0, 0xff, 0xff]);
    made.writeUInt32LE(this.sum, headBytes);
    made.writeUInt32LE(this.length, headBytes + 4);
    return made;
  }
}
