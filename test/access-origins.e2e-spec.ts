import { PushModule, type PushOptions } from 'nestjs-push';
import { takeWarnings } from './support/logged.js';
import { as } from './support/roles.js';
import { start, stream } from './support/rooms-app.js';
import { openSse } from './support/sse-reader.js';
import { createApp, platforms, platformsWithHttp2 } from './support/start-app.js';
import { statusOf } from './support/upgrades.js';

describe('origins', () => {
  const upgrade = async (options: PushOptions, headers: Record<string, string>) => {
    const app = await start(options);
    return statusOf(app.webSocketUrl(), { ...as('ann').headers, Host: 'shop.example', ...headers });
  };

  it.each([
    ['the same host', {}, { Origin: 'http://shop.example' }, 101],
    ['the same host with another scheme', {}, { Origin: 'https://shop.example' }, 403],
    ['the same address, of IPv6', {}, { Origin: 'http://[::1]:3000', Host: '[::1]:3000' }, 101],
    [
      'the same host and the port of its scheme',
      {},
      { Origin: 'http://shop.example', Host: 'shop.example:80' },
      101,
    ],
    ['another port', {}, { Origin: 'http://shop.example:8443' }, 403],
    ['another host', {}, { Origin: 'http://evil.example' }, 403],
    ['a host that ends alike', {}, { Origin: 'http://evil-shop.example' }, 403],
    ['a host that begins alike', {}, { Origin: 'http://shop.example.evil.example' }, 403],
    ['a page without origin', {}, { Origin: 'null' }, 403],
    ['nonsense', {}, { Origin: 'nonsense' }, 403],
    ['two of them', {}, { Origin: 'https://shop.example, https://evil.example' }, 403],
    ['none', {}, {}, 101],
    ['none, where one is needed', { allowMissingOrigin: false }, {}, 403],
    ['one of a list', { origins: ['https://app.example'] }, { Origin: 'https://app.example' }, 101],
    [
      'the same host, where a list does not name it',
      { origins: ['https://app.example'] },
      { Origin: 'http://shop.example' },
      403,
    ],
    [
      'the same host, where a list does',
      { origins: ['same-host', 'https://app.example'] },
      { Origin: 'http://shop.example' },
      101,
    ],
    ['any', { origins: '*' as const }, { Origin: 'https://evil.example' }, 101],
    [
      'what a function allows',
      { origins: (origin: string) => origin.endsWith('.example') },
      { Origin: 'https://a.example' },
      101,
    ],
    [
      'what a function says that is no boolean',
      { origins: () => 'no' as never },
      { Origin: 'https://a.example' },
      403,
    ],
    ['what it does not', { origins: async () => false }, { Origin: 'https://a.example' }, 403],
    [
      'what a function that fails would decide',
      {
        origins: () => {
          throw new Error('down');
        },
        onError: () => undefined,
      },
      { Origin: 'https://a.example' },
      500,
    ],
    [
      'the host that a trusted proxy was asked for',
      { trustedProxies: ['127.0.0.1'] },
      {
        Origin: 'https://shop.example',
        Host: 'internal',
        'X-Forwarded-Host': 'shop.example',
        'X-Forwarded-Proto': 'https',
      },
      101,
    ],
    [
      'the host that a client told a trusted proxy, which adds the one that it was asked for',
      { trustedProxies: ['127.0.0.1'] },
      {
        Origin: 'https://evil.example',
        Host: 'internal',
        'X-Forwarded-Host': 'evil.example, shop.example',
        'X-Forwarded-Proto': 'https',
      },
      403,
    ],
    [
      'what a client writes into Forwarded',
      { trustedProxies: ['127.0.0.1'] },
      { Origin: 'https://evil.example', Forwarded: 'host=evil.example;proto=https' },
      403,
    ],
    [
      'the host that a client says it asked for',
      {},
      { Origin: 'http://evil.example', 'X-Forwarded-Host': 'evil.example' },
      403,
    ],
  ] as [string, PushOptions, Record<string, string>, number][])(
    'of WebSockets: %s',
    async (_, options, headers, status) => {
      expect(await upgrade(options, headers)).toBe(status);
    },
  );

  it.each(platforms)(
    'of the SSE endpoint on %s matter with cookies, and follow enableCors',
    async (platform) => {
      const app = await start({}, platform, { origin: 'https://app.example', credentials: true });
      const ask = async (headers: Record<string, string>) => {
        const reader = await openSse(app.url(stream), {
          headers: { ...as('ann').headers, Host: 'shop.example', ...headers },
        });
        return [reader.status, reader.response.headers['access-control-allow-origin']];
      };
      const cookie = { Cookie: 'session=1' };
      expect(await ask({ ...cookie, Origin: 'https://app.example' })).toEqual([200, 'https://app.example']);
      expect(await ask({ ...cookie, Origin: 'http://shop.example' })).toEqual([200, 'https://app.example']);
      expect((await ask({ ...cookie, Origin: 'https://shop.example' }))[0]).toBe(403);
      expect((await ask({ ...cookie, Origin: 'https://evil.example' }))[0]).toBe(403);
      expect((await ask({ Authorization: 'Basic YW5uOmFubg==', Origin: 'https://evil.example' }))[0]).toBe(
        403,
      );
      // Nothing that the browser adds by itself: CORS alone decides who may read it.
      expect((await ask({ Origin: 'https://evil.example' }))[0]).toBe(200);
      // A same-origin GET names no origin; one of another page neither, if it needs no answer.
      expect((await ask({ ...cookie, 'Sec-Fetch-Site': 'same-origin' }))[0]).toBe(200);
      expect((await ask({ ...cookie, 'Sec-Fetch-Site': 'cross-site' }))[0]).toBe(403);
      expect((await ask(cookie))[0]).toBe(200);
    },
  );

  it.each([
    'https://shop.example/',
    'https://shop.example:443',
    'shop.example',
    'HTTPS://shop.example',
    '',
    7,
    null,
  ])('that no browser would send are refused at start: %j', async (origin) => {
    const app = createApp('express', { imports: [PushModule.forRoot({ origins: [origin as string] })] });
    await expect(app).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each(platformsWithHttp2)('are those of what was asked, with %s', async (platform) => {
    const app = await start({}, platform);
    const page = app.url('');
    expect(await statusOf(app.webSocketUrl(), { ...as('ann').headers, Origin: page })).toBe(101);
    for (const origin of [page.replace('http:', 'https:'), `${page}0`, 'http://localhost'])
      expect(await statusOf(app.webSocketUrl(), { ...as('ann').headers, Origin: origin })).toBe(403);
  });

  it('are of https where the connection is', async () => {
    const app = await start({}, 'fastify with TLS');
    const ask = (origin: string) =>
      statusOf(app.webSocketUrl(), { ...as('ann').headers, Origin: origin }, { rejectUnauthorized: false });
    expect(await ask(app.url(''))).toBe(101);
    expect(await ask(app.url('').replace('https:', 'http:'))).toBe(403);
  });

  it('that look like those of a proxy which is not declared are explained, once', async () => {
    const lines = takeWarnings();
    const app = await start();
    const headers = { ...as('ann').headers, Host: 'shop.example' };
    for (const origin of ['https://evil.example', 'https://shop.example', 'https://shop.example'])
      await statusOf(app.webSocketUrl(), { ...headers, Origin: origin });
    expect(lines).toEqual([expect.stringContaining('set trustedProxies')]);
  });

  it('of the SSE endpoint are not opened to cookies by a CORS without credentials', async () => {
    const app = await start({}, 'express', { origin: true });
    const headers = { ...as('ann').headers, Cookie: 'session=1', Origin: 'https://evil.example' };
    expect((await openSse(app.url(stream), { headers })).status).toBe(403);
  });
});
