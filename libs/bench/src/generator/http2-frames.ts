/* The frames of HTTP/2 (RFC 9113) that a reader of event streams sends and gets. */

/** A frame, or a part of one of DATA: as much as has come. */
export interface Frame {
  readonly type: 'data' | 'headers' | 'settings' | 'other';
  /** Whether it acknowledges one. */
  readonly isAcknowledged: boolean;
  readonly stream: number;
  readonly bytes: Buffer;
}

const headBytes = 9;
const [data, headers, resetStream, settings, goAway] = [0, 1, 3, 4, 7];
const endOfStream = 1;
const largestWindow = 2 ** 31 - 1;

/** `:status: 200` of the static table of HPACK (RFC 7541, appendix A). */
const ok = 0x88;

/** Splits what a connection receives. */
export class Frames {
  private readonly head = Buffer.alloc(headBytes);
  private known = 0;
  private left = 0;
  /** What has come of a frame that is not DATA. */
  private parts: Buffer[] = [];

  /** @param take is given each frame; its bytes are good until it returns */
  constructor(private readonly take: (frame: Frame) => void) {}

  /** Reads the first `length` bytes of `bytes`. @throws Error if a stream or the connection is ended or refused */
  read(bytes: Buffer, length: number): void {
    for (let at = 0; at < length;) {
      if (this.known < headBytes) at = this.readHead(bytes, at, length);
      if (this.known < headBytes) return;
      const end = Math.min(length, at + this.left);
      this.left -= end - at;
      this.payload(bytes.subarray(at, end));
      at = end;
      if (this.left === 0) this.known = 0;
    }
  }

  private readHead(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + headBytes - this.known);
    bytes.copy(this.head, this.known, at, end);
    this.known += end - at;
    if (this.known === headBytes) this.left = this.head.readUIntBE(0, 3);
    return end;
  }

  private payload(bytes: Buffer): void {
    const type = this.head[3];
    const flags = this.head[4]!;
    if (type === data) {
      if (flags & endOfStream) throw new Error('The server ended a stream.');
      this.take(this.frame('data', bytes));
      return;
    }
    this.parts.push(Buffer.from(bytes));
    if (this.left > 0) return;
    const whole = Buffer.concat(this.parts);
    this.parts = [];
    if (type === resetStream || type === goAway) throw new Error(`The server sent a frame of type ${type}.`);
    // A change of the dynamic table's size may be before the status.
    if (type === headers && !whole.subarray(0, 4).includes(ok)) throw new Error('A stream was refused.');
    this.take(this.frame(type === headers ? 'headers' : type === settings ? 'settings' : 'other', whole));
  }

  private frame(type: Frame['type'], bytes: Buffer): Frame {
    const stream = this.head.readUInt32BE(5) & largestWindow;
    return { type, isAcknowledged: (this.head[4]! & 1) === 1, stream, bytes };
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Lets the other end send so many more bytes. @param stream 0 for the connection */
export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(8, 0, stream, payload);
}

/** The settings of the other end are known. */
export const acknowledgement = frame(settings, 1, 0, Buffer.alloc(0));

/** How a connection begins: with the preface, and windows as large as they may be. */
export const opening = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  // SETTINGS_ENABLE_PUSH 0, SETTINGS_INITIAL_WINDOW_SIZE 2^31 - 1.
  frame(settings, 0, 0, Buffer.from([0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff])),
  windowUpdate(0, largestWindow - 65_535),
]);

/** Asks for an event stream: a GET that has no body. The names of the headers are those of HPACK's static table. */
export function request(stream: number, path: string, isSecure: boolean): Buffer {
  const literal = (name: readonly number[], value: string) =>
    Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value)]);
  const block = Buffer.concat([
    Buffer.from([0x82, isSecure ? 0x87 : 0x86]),
    literal([4], path),
    literal([1], 'localhost'),
    literal([0x0f, 4], 'text/event-stream'),
  ]);
  return frame(headers, 4 | endOfStream, stream, block);
}
