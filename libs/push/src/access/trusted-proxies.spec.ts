import { addressGroup, TrustedProxies } from './trusted-proxies.js';

const request = (remoteAddress: string | undefined, forwarded?: string, more = {}) => ({
  headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }), ...more },
  socket: { remoteAddress },
});

describe('the address of a client', () => {
  const proxies = new TrustedProxies({ trustedProxies: ['10.0.0.0/8', '127.0.0.1', 'fd00::/8'] });

  it.each([
    ['198.51.100.7', undefined, '198.51.100.7'],
    ['198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['10.1.2.3', undefined, '10.1.2.3'],
    ['10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['::ffff:10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['10.1.2.3', '203.0.113.9, 10.9.9.9', '203.0.113.9'],
    ['10.1.2.3', 'forged, 203.0.113.9', '203.0.113.9'],
    ['10.1.2.3', '192.0.2.66, 203.0.113.9', '203.0.113.9'],
    ['10.1.2.3', '10.9.9.9', '10.9.9.9'],
    ['10.1.2.3', 'unknown', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', '203.0.113.9:4711', '203.0.113.9'],
    ['fd00::1', '[2001:db8::5]:4711', '2001:db8::5'],
    ['10.1.2.3', '2001:db8::5', '2001:db8::5'],
    ['fe80::1%eth0', undefined, 'fe80::1'],
    [undefined, '203.0.113.9', '203.0.113.9'],
  ])('of %s that forwards %s is %s', (peer, forwarded, address) => {
    expect(proxies.addressOf(request(peer, forwarded))).toBe(address);
  });

  it('is the peer where no proxy is trusted', () => {
    expect(new TrustedProxies({ trustedProxies: [] }).addressOf(request('127.0.0.1', '203.0.113.9'))).toBe(
      '127.0.0.1',
    );
    expect(new TrustedProxies({ trustedProxies: [] }).addressOf(request(undefined, '203.0.113.9'))).toBe('');
  });
});

describe('the origin that a client asked', () => {
  const behind = new TrustedProxies({ trustedProxies: ['10.0.0.1'] });
  const originOf = (peer: string, headers: Record<string, string | string[]>, encrypted?: boolean) =>
    behind.originOf({ headers, socket: { remoteAddress: peer, ...(encrypted && { encrypted }) } });

  it.each<[string, Record<string, string>, string | undefined]>([
    ['192.0.2.1', { host: 'shop.example' }, 'http://shop.example'],
    ['192.0.2.1', { host: 'shop.example:80' }, 'http://shop.example'],
    ['192.0.2.1', { host: 'SHOP.example:3000' }, 'http://shop.example:3000'],
    ['192.0.2.1', { host: '[::1]:3000' }, 'http://[::1]:3000'],
    ['192.0.2.1', { ':authority': 'h2.example' }, 'http://h2.example'],
    [
      '192.0.2.1',
      { host: 'in', 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' },
      'http://in',
    ],
    ['10.0.0.1', { host: 'in' }, 'http://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-proto': 'https' }, 'https://in'],
    ['10.0.0.1', { host: 'in:443', 'x-forwarded-proto': 'https' }, 'https://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-proto': 'wss' }, 'https://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-proto': 'WS' }, 'http://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-host': 'forged, shop.example' }, 'http://shop.example'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-host': 'shop.example, ' }, 'http://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-proto': 'https, http' }, 'http://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-host': '[2001:db8::1]:8443' }, 'http://[2001:db8::1]:8443'],
    ['10.0.0.1', { host: 'in', forwarded: 'host=shop.example;proto=https' }, 'http://in'],
    ['10.0.0.1', { host: 'in', 'x-forwarded-host': 'a@shop.example' }, undefined],
    ['10.0.0.1', { host: 'in', 'x-forwarded-host': 'shop.example/x' }, undefined],
    ['10.0.0.1', { host: 'in', 'x-forwarded-proto': 'file' }, undefined],
    ['10.0.0.1', {}, undefined],
  ])('through %s with %o is %s', (peer, headers, origin) => expect(originOf(peer, headers)).toBe(origin));

  it('is of https where the connection is', () => {
    expect(originOf('192.0.2.1', { host: 'shop.example' }, true)).toBe('https://shop.example');
    expect(originOf('192.0.2.1', { host: 'shop.example:443' }, true)).toBe('https://shop.example');
    expect(originOf('10.0.0.1', { host: 'shop.example', 'x-forwarded-proto': 'http' }, true)).toBe(
      'http://shop.example',
    );
  });

  it('is known no more when what stands for the socket is gone', () => {
    const socket = new Proxy(
      {},
      {
        get() {
          throw new TypeError('no socket');
        },
      },
    );
    expect(behind.originOf({ headers: { host: 'shop.example' }, socket })).toBe('http://shop.example');
    expect(behind.addressOf({ headers: {}, socket })).toBe('');
  });
});

describe('what counts as one address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['', ''],
    ['::1', '0:0:0:0'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8:0:0:ffff:ffff:ffff:ffff', '2001:db8:0:0'],
    ['2001:DB8::9:1', '2001:db8:0:0'],
    ['2001:db8:1::', '2001:db8:1:0'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ])('of %s is %s', (address, group) => expect(addressGroup(address)).toBe(group));
});
