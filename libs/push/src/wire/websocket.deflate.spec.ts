import { constants, inflateRawSync } from 'node:zlib';
import { DeflateContext } from './shared-deflate.js';
import { frame } from './websocket.codec.js';
import { compressFrames } from './websocket.deflate.js';

const tail = Buffer.from([0, 0, 0xff, 0xff]);

describe('A compressed WebSocket message', () => {
  it('has the bytes of RFC 7692, section 7.2.3, on its own and after the same one', () => {
    const context = new DeflateContext();
    expect(compressFrames(frame('Hello'), context).toString('hex')).toBe('c107f248cdc9c90700');
    expect(compressFrames(frame('Hello'), context).toString('hex')).toBe('c105f200110000');
    context.reset();
    expect(compressFrames(frame('Hello'), context).toString('hex')).toBe('c107f248cdc9c90700');
  });

  it.each([125, 126, 65_535, 65_536, 100_000])('may have a payload of %d bytes', (length) => {
    const text = Array.from({ length }, (_, index) =>
      String.fromCharCode(33 + ((index * index * 31) % 90)),
    ).join('');
    const made = compressFrames(frame(text), new DeflateContext());
    const start = made[1]! < 126 ? 2 : made[1] === 126 ? 4 : 10;
    const options = { finishFlush: constants.Z_SYNC_FLUSH };
    expect(inflateRawSync(Buffer.concat([made.subarray(start), tail]), options).toString()).toBe(text);
  });

  it('is one frame for each message of a batch', () => {
    const made = compressFrames(Buffer.concat([frame('Hello'), frame('Hello')]), new DeflateContext());
    expect(made.toString('hex')).toBe('c107f248cdc9c90700c105f200110000');
  });
});
