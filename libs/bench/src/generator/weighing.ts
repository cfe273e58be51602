import { constants, inflateRawSync } from 'node:zlib';
import { applicationEvent, type EventKind } from '../application-events.js';
import type { FindPart } from './parts.js';
import type { Reader } from './reader.js';

const empty = Buffer.alloc(0);

/** A message leaves out the end of a flush (RFC 7692, section 7.2.1). */
const tail = Buffer.from([0, 0, 0xff, 0xff]);

const gzipMagic = Buffer.from([0x1f, 0x8b]);
const gzipHeaderBytes = 10;

/** The largest window of DEFLATE. */
const windowBytes = 32_768;

/** A connection that reads application events, compressed or not, and verifies that each comes once, in order, whole. */
export class Witness implements Weighed {
  next = 0;
  bytes = 0;
  private carried = empty;
  private past = empty;
  private isGzip = false;

  constructor(
    private readonly kind: EventKind,
    private readonly findPart: FindPart,
  ) {}

  get count(): number {
    return this.next;
  }

  read(bytes: Buffer, length: number): void {
    this.bytes += length;
    let rest = Buffer.concat([this.carried, bytes.subarray(0, length)]);
    for (let part = this.findPart(rest); part; part = this.findPart(rest)) {
      this.verify(this.textOf(part.bytes, part.isDeflated));
      rest = rest.subarray(part.end);
    }
    this.carried = rest;
  }

  private textOf(bytes: Buffer, isDeflated: boolean): string {
    if (isDeflated) return this.inflated(Buffer.concat([bytes, tail]));
    if (this.isGzip) return this.inflated(bytes);
    this.isGzip = bytes.subarray(0, 2).equals(gzipMagic);
    return this.isGzip ? this.inflated(bytes.subarray(gzipHeaderBytes)) : bytes.toString();
  }

  private inflated(bytes: Buffer): string {
    const finishFlush = constants.Z_SYNC_FLUSH;
    const { past } = this;
    const plain = inflateRawSync(
      bytes,
      past.length > 0 ? { finishFlush, dictionary: past } : { finishFlush },
    );
    this.past = Buffer.concat([past, plain]).subarray(-windowBytes);
    return plain.toString();
  }

  private verify(text: string): void {
    for (let at = 0; ; this.next++) {
      const expected = JSON.stringify(applicationEvent(this.kind, this.next));
      at = text.indexOf(expected, at);
      if (at < 0) return;
      at += expected.length;
    }
  }
}

/** A reader that knows how many bytes have come. */
interface Weighed extends Reader {
  readonly bytes: number;
}

/** A connection whose bytes are counted only: to read what hundreds receive would be more work than to send it. */
export class Weight implements Weighed {
  bytes = 0;

  constructor(private readonly witness: Reader) {}

  get next(): number {
    return this.witness.next;
  }

  get count(): number {
    return this.witness.count;
  }

  read(_: Buffer, length: number): void {
    this.bytes += length;
  }
}

/** Connections of which one is read and the others are weighed: all have to receive the same bytes. */
export class Scales {
  private readonly weights: Weight[] = [];
  private marks: readonly number[] | undefined;

  constructor(readonly witness: Weighed) {}

  add(): Weight {
    const weight = new Weight(this.witness);
    this.weights.push(weight);
    return weight;
  }

  /** Bytes that all of them have received. */
  get bytes(): number {
    return this.all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** All have everything that was sent: from now on they have to receive the same. */
  mark(): void {
    this.marks = this.all.map(({ bytes }) => bytes);
  }

  /**
   * Whether all have received the same since the mark. Those who were slow for a moment get plain bytes, which are more: so each is
   * held against what a tenth of them has received at most.
   */
  get areLevel(): boolean {
    const { marks } = this;
    if (!marks) return true;
    const received = this.all.map(({ bytes }, index) => bytes - marks[index]!).sort((a, b) => a - b);
    return received[0] === received[Math.floor(received.length / 10)];
  }

  private get all(): readonly Weighed[] {
    return [this.witness, ...this.weights];
  }
}
