/*
 * What a connection receives, part by part: the messages of a WebSocket, and the chunks of a body of HTTP/1.1.
 */

/** A message or a chunk. */
export interface Part {
  readonly bytes: Buffer;
  /** Whether it is a message that is compressed. Whether a body is, its first bytes tell. */
  readonly isDeflated: boolean;
  /** Where the next one begins. */
  readonly end: number;
}

/** Finds the part that begins first in `bytes`; `undefined` if that is not whole yet. */
export type FindPart = (bytes: Buffer) => Part | undefined;

/**
 * A message of a server, in one frame. The rest of another one, which a handshake has looked into, is skipped: it is ASCII, and a
 * frame begins with a byte that is not.
 */
export function message(bytes: Buffer): Part | undefined {
  const at = bytes.findIndex((byte) => byte >= 0x80);
  if (at < 0 || bytes.length < at + 10) return wholeShort(bytes, at);
  const short = bytes[at + 1]!;
  const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return part(bytes, start, start + length, bytes[at] === 0xc1);
}

/** A message that is shorter than the longest head of a frame. */
function wholeShort(bytes: Buffer, at: number): Part | undefined {
  if (at < 0 || bytes.length < at + 2 || bytes[at + 1]! >= 126) return undefined;
  return part(bytes, at + 2, at + 2 + bytes[at + 1]!, bytes[at] === 0xc1);
}

/** A chunk: its size, in hexadecimal, and CR LF around its bytes. */
export function chunk(bytes: Buffer): Part | undefined {
  const line = bytes.indexOf('\r\n');
  if (line < 0) return undefined;
  const start = line + 2;
  const end = start + Number.parseInt(bytes.toString('latin1', 0, line), 16);
  if (bytes.length < end + 2) return undefined;
  return { bytes: bytes.subarray(start, end), isDeflated: false, end: end + 2 };
}

function part(bytes: Buffer, start: number, end: number, isDeflated: boolean): Part | undefined {
  return bytes.length < end ? undefined : { bytes: bytes.subarray(start, end), isDeflated, end };
}
