import { addressGroup, TrustedProxies } from './trusted-proxies.js';

const request = (remoteAddress: string | undefined, forwarded?: string, more = {}) => ({
  headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }), ...more },
  socket: { remoteAddress },
});

describe('the address of a client', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);

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
    expect(new TrustedProxies([]).addressOf(request('127.0.0.1', '203.0.113.9'))).toBe('127.0.0.1');
    expect(new TrustedProxies([]).addressOf(request(undefined, '203.0.113.9'))).toBe('');
  });
});

it('the host is the forwarded one, of a trusted proxy only', () => {
  const headers = { host: 'internal', 'x-forwarded-host': 'shop.example, other' };
  expect(new TrustedProxies(['10.0.0.1']).hostOf(request('10.0.0.1', undefined, headers))).toBe(
    'shop.example',
  );
  expect(new TrustedProxies(['10.0.0.1']).hostOf(request('10.0.0.2', undefined, headers))).toBe('internal');
  expect(new TrustedProxies([]).hostOf(request('10.0.0.2', undefined, { ':authority': 'h2.example' }))).toBe(
    'h2.example',
  );
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
