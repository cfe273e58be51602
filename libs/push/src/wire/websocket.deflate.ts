import type { DeflateContext } from './shared-deflate.js';

/*
 * WebSocket messages, compressed (RFC 7692, "permessage-deflate"). A message that is not compressed does not touch the context
 * of a client, so a client may get any number of those between.
 */

/** FIN, RSV1 (the message is compressed) and the opcode of a text frame. */
const compressedText = 0xc1;

/** DEFLATE ends a flush with these. A message leaves them out, and its reader adds them (section 7.2.1). */
const tail = Buffer.from([0, 0, 0xff, 0xff]);

/** Compresses whole text frames that are not masked, each of which is one message. All readers of the context have to get them. */
export function compressFrames(frames: Buffer, context: DeflateContext): Buffer {
  const made: Buffer[] = [];
  for (let at = 0; at < frames.length;) {
    const start = at + headLength(frames[at + 1]!);
    at = start + payloadLength(frames, at);
    const compressed = context.compress(frames.subarray(start, at));
    const length = compressed.length - tail.length;
    made.push(headOf(length), compressed.subarray(0, length));
  }
  return Buffer.concat(made);
}

/** @param length as the second byte of a frame has it: 126 and 127 say that the length follows, in two or eight bytes */
function headLength(length: number): number {
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

function payloadLength(frames: Buffer, at: number): number {
  const length = frames[at + 1]!;
  if (length < 126) return length;
  return length === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2));
}

function headOf(length: number): Buffer {
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const head = Buffer.allocUnsafe(headLength(short));
  head[0] = compressedText;
  head[1] = short;
  if (short === 126) head.writeUInt16BE(length, 2);
  else if (short === 127) head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
