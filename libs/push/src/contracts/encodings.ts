/** How large a block is at first and at most, in bytes. */
const firstBlock = 64 * 1024;
const largestBlock = 512 * 1024;

/** An encoding that takes more than this part of the largest block is not kept: it costs little more to make than to copy. */
const largestPart = 1 / 8;

/** Before each encoding stands its length. */
const lengthBytes = 4;

/** Encodings one after the other, and where each begins. */
class Block {
  readonly bytes: Buffer;
  readonly places = new Map<object, number>();
  used = 0;

  constructor(size: number) {
    // Of its own memory: the pool of small buffers is for what is short-lived.
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
 * The latest encodings in one wire format: many batches hold the same events, in a round of deliveries and in a storm of
 * reconnects. They are kept for as long as two blocks last, and not with their events: a small Buffer that is kept keeps
 * the whole slab it was cut from, many times its own size.
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
