import { digestOf, printDigests, readDigests } from './pushed-cookie.js';

const paths = (count: number) => Array.from({ length: count }, (_, i) => `/${i}.css`);

describe('the cookie of what a client was pushed', () => {
  it('brings back what was written', () => {
    const digests = paths(3).map(digestOf);
    const cookie = printDigests('pushed', digests.slice(0, 2), digests.slice(1), true);
    expect(cookie).toMatch(/^pushed=[A-Za-z0-9_-]{18}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    const [pair] = cookie.split(';', 1);
    expect(readDigests(`a=b; ${pair}; c=d`, 'pushed')).toEqual(digests);
  });

  it('never grows beyond 100 digests: the oldest go', () => {
    const digests = paths(150).map(digestOf);
    const [pair] = printDigests('p', digests.slice(0, 100), digests.slice(100), false).split(';', 1);
    expect(pair).toHaveLength(602);
    expect(readDigests(pair, 'p')).toEqual(digests.slice(50));
  });

  it('is ignored when it is not ours', () => {
    for (const header of [
      undefined,
      '',
      'p',
      'p=',
      'p=abc',
      'p=<script>',
      'pp=abcdef',
      `p=${'a'.repeat(606)}`,
    ])
      expect(readDigests(header, 'p')).toEqual([]);
  });
});
