import { acceptsGzip } from './accepts-gzip.js';

describe('A client takes gzip', () => {
  it.each([
    'gzip',
    'gzip, deflate, br, zstd',
    'br;q=1.0, gzip;q=0.8',
    'x-gzip',
    'GZIP',
    '*',
    'identity, *;q=0.5',
  ])('if it says %j', (accepted) => expect(acceptsGzip({ 'accept-encoding': accepted })).toBe(true));

  it.each([undefined, '', 'identity', 'br', 'gzip;q=0', 'gzip;q=0, *', '*;q=0', 'gzip; q=0.0', 'gzip;q=no'])(
    'not if it says %j',
    (accepted) => expect(acceptsGzip({ 'accept-encoding': accepted })).toBe(false),
  );
});
