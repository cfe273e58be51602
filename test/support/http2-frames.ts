/** Types of HTTP/2 frames (RFC 9113, section 6), for clients that no library would play. */
export const FrameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 1;
export const endHeaders = 4;
export const acknowledged = 1;

/** What a client says first: the preface, and empty SETTINGS. */
export const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(FrameType.settings, 0, 0),
]);

/** A frame as a client sends it, right or wrong. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A block of literal header fields, never indexed (RFC 7541, section 6.2.3). */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]),
  );
}

/** HEADERS of a request without a body, all in one frame. */
export function requestFrame(stream: number, fields: Readonly<Record<string, string>>): Buffer {
  return frame(FrameType.headers, endStream | endHeaders, stream, headerBlock(fields));
}

export function resetFrame(stream: number, code = 8): Buffer {
  return frame(FrameType.resetStream, 0, stream, number32(code));
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** An integer with a prefix of seven bits, the first of them clear (RFC 7541, section 5.1). */
function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
