import { randomBytes } from 'node:crypto';
import { contextBytes, DeflateContext, windowBits } from './shared-deflate.js';

describe('A context that readers share', () => {
  it('is a part of the window that they have been promised', () => {
    expect(contextBytes).toBeLessThanOrEqual(2 ** windowBits);
  });

  it('makes what was said before short, as long as it is within reach', () => {
    const context = new DeflateContext();
    const noise = () => randomBytes(300);
    const said = noise();
    expect(context.compress(said).length).toBeGreaterThan(300);
    expect(context.compress(said).length).toBeLessThan(20);
    for (let length = 0; length < contextBytes; length += 300) context.compress(noise());
    expect(context.compress(said).length).toBeGreaterThan(300);
  });

  it('ends what it makes at a whole byte, as a flush does', () => {
    const context = new DeflateContext();
    for (const text of ['a', 'ab', ''])
      expect(context.compress(Buffer.from(text)).subarray(-4).toString('hex')).toBe('0000ffff');
  });
});
