import { gunzipSync } from 'node:zlib';
import { GzipSum, gzipHeader, stored } from './gzip.js';

describe('A gzip body that is written bit by bit', () => {
  it('has the bytes of RFC 1952 and RFC 1951', () => {
    const sum = new GzipSum();
    sum.add(Buffer.from('ok'));
    expect(gzipHeader.toString('hex')).toBe('1f8b08000000000000ff');
    expect(stored(Buffer.from('ok')).toString('hex')).toBe('000200fdff6f6b000000ffff');
    expect(sum.trailer.toString('hex')).toBe('010000ffff47dddc7902000000');
  });

  it('is what any reader of gzip takes, with blocks of any length', () => {
    const sum = new GzipSum();
    const parts = [0, 1, 65_535, 65_536, 200_000].map((length) => Buffer.alloc(length, length % 251));
    parts.forEach((part) => sum.add(part));
    const body = Buffer.concat([gzipHeader, ...parts.map(stored), sum.trailer]);
    expect(gunzipSync(body).equals(Buffer.concat(parts))).toBe(true);
  });
});
