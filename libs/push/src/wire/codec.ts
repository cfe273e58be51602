import { Encodings } from '../contracts/encodings.js';
import type { Codec, LogEvent } from '../contracts/event.js';

/**
 * A codec of events that stand on their own: a batch is one after the other.
 *
 * @param encode writes an event down as whole blocks or frames
 */
export function codecOf(encode: (event: LogEvent) => Buffer): Codec {
  return {
    form: new Encodings(),
    encode,
    join: (encodings) => (encodings.length === 1 ? encodings[0]! : Buffer.concat(encodings)),
    single: encode,
  };
}
