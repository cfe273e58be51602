import { Encodings } from '../contracts/encodings.js';
import type { Bytes, Codec, LogEvent } from '../contracts/event.js';

/**
 * A codec of events that stand on their own: a batch is one after the other.
 *
 * @param encode writes an event down as whole blocks or frames
 * @param single the same, as what is written if there is no other event
 */
export function codecOf(
  encode: (event: LogEvent) => Buffer,
  single: (event: LogEvent) => Bytes = encode,
): Codec {
  return {
    form: new Encodings(),
    encode,
    join: (encodings) => (encodings.length === 1 ? encodings[0]! : Buffer.concat(encodings)),
    single,
  };
}

/** Whether each character of a text is one byte, in UTF-8 as in Latin-1. */
export function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
