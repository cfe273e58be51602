import type { Reader } from './reader.js';
import { ending, eventBytes, marker, numberDigits, numberToTime, timeDigits } from '../event.js';

const firstByte = marker[0]!;
const thirdByte = marker[2]!;
const numberAt = marker.length;
const timeAt = numberAt + numberDigits + numberToTime;
const endingAt = timeAt + timeDigits;

/** Compared whole for one event in so many; of the others, only the last bytes. */
const wholeEvery = 64;

/** Room for an event that two reads share. */
const joint = Buffer.alloc(2 * eventBytes);

/** What goes wrong with a connection's events. */
export class Violation extends Error {}

/**
 * Reads what one connection receives, and verifies that it is the events it has to get: each once, in order, whole. What
 * is around them (framing, envelopes, ids) is skipped, by the distance that the last two events had.
 */
export class Scanner implements Reader {
  /** Events verified. */
  count = 0;
  bytes = 0;
  private carried: Buffer | undefined;
  private distance = 0;

  /**
   * @param next number of the first event that has to come
   * @param step from one event's number to the next one's
   * @param onTime is told each event's time of publishing
   */
  constructor(
    public next: number,
    private readonly step: number,
    private readonly onTime?: (published: number) => void,
  ) {}

  /** Reads the first `length` bytes of `bytes`. @throws Violation */
  read(bytes: Buffer, length: number): void {
    this.bytes += length;
    let from = 0;
    if (this.carried) {
      const known = this.carried.length;
      this.carried.copy(joint);
      const taken = Math.min(length, eventBytes);
      bytes.copy(joint, known, 0, taken);
      this.carried = undefined;
      if (isMarker(joint, 0, known + taken)) {
        if (known + taken < eventBytes) {
          this.carried = Buffer.from(joint.subarray(0, known + taken));
          return;
        }
        this.take(joint, 0);
        from = eventBytes - known;
      }
    }
    this.scan(bytes, from, length);
  }

  private scan(bytes: Buffer, from: number, length: number): void {
    let at = from;
    for (;;) {
      const likely = at + this.distance;
      const start =
        likely + eventBytes <= length && bytes[likely] === firstByte && bytes[likely + 2] === thirdByte
          ? likely
          : find(bytes, at, length);
      if (start < 0) return;
      if (start + eventBytes > length) {
        this.carried = Buffer.from(bytes.subarray(start, length));
        return;
      }
      this.take(bytes, start);
      this.distance = start - at;
      at = start + eventBytes;
    }
  }

  private take(bytes: Buffer, at: number): void {
    const number = digits(bytes, at + numberAt, numberDigits);
    if (number !== this.next) throw new Violation(`Event ${number} came where ${this.next} had to.`);
    const isWhole = this.count % wholeEvery === 0 ? isEnding(bytes, at) : bytes[at + eventBytes - 1] === 0x7d;
    if (!isWhole) throw new Violation(`Event ${number} is damaged.`);
    this.next += this.step;
    this.count++;
    this.onTime?.(digits(bytes, at + timeAt, timeDigits));
  }
}

function isEnding(bytes: Buffer, at: number): boolean {
  return bytes.compare(ending, 0, ending.length, at + endingAt, at + eventBytes) === 0;
}

/** Start of the next event, whole or cut; -1 if there is none. */
function find(bytes: Buffer, from: number, length: number): number {
  for (let at = from; at < length; at++) {
    if (bytes[at] === firstByte && isMarker(bytes, at, length)) return at;
  }
  return -1;
}

function isMarker(bytes: Buffer, at: number, length: number): boolean {
  const end = Math.min(marker.length, length - at);
  for (let index = 0; index < end; index++) if (bytes[at + index] !== marker[index]) return false;
  return true;
}

function digits(bytes: Buffer, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) value = value * 10 + bytes[at]! - 48;
  return value;
}
