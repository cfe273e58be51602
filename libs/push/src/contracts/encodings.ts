/** The sizes of the first block and of the largest, in bytes. */
const firstBlock = 64 * 1024;
const largestBlock = 512 * 1024;

/** An encoding larger than this part of the largest block is not kept, because encoding it again costs little more than the copy. */
const largestPart = 1 / 8;

/** The length of the prefix of each encoding, which holds the encoding's length. */
const lengthBytes = 4;

/** Holds encodings one after the other, and the offset of each. */
class Block {
  readonly bytes: Buffer;
  readonly places = new Map<object, number>();
  used = 0;

  constructor(size: number) {
    // Not from Node's pool: a block lives long, and would keep a whole slab of the pool in memory.
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  get(event: object): Buffer | undefined {
    const place = this.places.get(event);
    if (place === undefined) return undefined;
    const start = place + lengthBytes;
    return this.bytes.subarray(start, start + this.bytes.readUInt32LE(place));
  }

  add(event: object, encoding: Buffer): void {
    this.places.set(event, this.used);
    this.bytes.writeUInt32LE(encoding.length, this.used);
    encoding.copy(this.bytes, this.used + lengthBytes);
    this.used += lengthBytes + encoding.length;
  }
}

/**
 * A cache of the latest encodings in one wire format. Many batches hold the same events, in a round of deliveries and in a
 * storm of reconnects. The cache is two blocks: when the young one is full, it replaces the old one. Encodings are not kept
 * with their events, because a small Buffer keeps the whole slab that it was cut from, many times its own size.
 */
export class Encodings {
  private young: Block | undefined;
  private old: Block | undefined;

  get(event: object): Buffer | undefined {
    return this.young?.get(event) ?? this.old?.get(event);
  }

  add(event: object, encoding: Buffer): void {
    const length = lengthBytes + encoding.length;
    if (length > largestBlock * largestPart) return;
    this.young ??= new Block(firstBlock);
    if (this.young.used + length > this.young.bytes.length) {
      this.old = this.young;
      this.young = new Block(Math.min(2 * this.old.bytes.length, largestBlock));
    }
    this.young.add(event, encoding);
  }

  /** How much memory they take, in bytes. */
  get bytes(): number {
    return (this.young?.bytes.length ?? 0) + (this.old?.bytes.length ?? 0);
  }
}
