import { sensitiveHeaders } from 'node:http2';
import { connect, page, start, style } from './support/pages-with-resources.js';

describe('a TLS server pushes /style.css with the index page', () => {
  it('and a node:http2 client has the style sheet without having asked', async () => {
    const running = await start();
    const probe = await connect(running);
    const index = await probe.get('/');
    const pushed = await probe.pushed('/style.css');
    expect(index.body.toString()).toBe(page);
    expect(pushed.headers).toMatchObject({ ':status': 200, 'content-type': 'text/css; charset=utf-8' });
    expect(pushed.body.toString()).toBe(style);
    expect(index.headers.link).toBe('</style.css>; rel=preload; as=style');
    // The promise comes before any byte of the page that refers to it, and the page before what was pushed.
    expect(probe.frames).toEqual([
      'promise /style.css',
      '200 /',
      'data /',
      '200 /style.css',
      'data /style.css',
    ]);
    expect(running.log.warnings).toEqual([]);
    const { promised, pushedBytes, refused, failed, hints } = running.pusher.stats();
    expect({ promised, pushedBytes, refused, failed, hints }).toEqual({
      promised: 1,
      pushedBytes: style.length,
      refused: 0,
      failed: 0,
      hints: 0,
    });
  });

  it('over cleartext HTTP/2 as well', async () => {
    const probe = await connect(await start({}, { protocol: 'h2c' }), 'http');
    await probe.get('/');
    expect((await probe.pushed('/style.css')).body.toString()).toBe(style);
    expect(probe.pushes[0]!.request).toMatchObject({ ':scheme': 'http', ':method': 'GET' });
  });
});

describe('what is pushed is what the application would answer', () => {
  const pageHeaders = {
    cookie: 'session=ada',
    'user-agent': 'probe',
    'accept-encoding': 'br',
    range: 'bytes=0-1',
    'x-tenant': 'acme',
  };

  it('with its guards, its cookies and the page’s own cookies', async () => {
    const running = await start();
    const probe = await connect(running);
    await probe.get('/account', pageHeaders);
    const pushed = await probe.pushed('/me.json');
    expect(pushed.headers).toMatchObject({ ':status': 200, 'set-cookie': ['seen=1; HttpOnly'] });
    expect(JSON.parse(pushed.body.toString())).toEqual({
      url: '/me.json',
      host: `127.0.0.1:${running.port}`,
      scheme: 'https',
      encoding: 'br',
      agent: 'probe',
    });
    // The promise says all that the answer may depend on, and nothing that was about the page alone.
    expect(pushed.request).toMatchObject({
      ':method': 'GET',
      ':scheme': 'https',
      ':path': '/me.json',
      cookie: 'session=ada',
      accept: '*/*',
    });
    expect(pushed.request[sensitiveHeaders as unknown as string]).toEqual(['cookie']);
    expect(pushed.request.range).toBeUndefined();
    expect(pushed.request['x-tenant']).toBeUndefined();
  });

  it('with authorization, and the headers that the application names', async () => {
    const probe = await connect(await start({ forwardHeaders: ['x-tenant'] }));
    await probe.get('/account', { authorization: 'Bearer ada', 'x-tenant': 'acme' });
    expect(JSON.parse((await probe.pushed('/me.json')).body.toString())).toMatchObject({ tenant: 'acme' });
  });

  it('but not to a client that the guard refuses: that push is called off, and the page is whole', async () => {
    const running = await start();
    const probe = await connect(running);
    const account = await probe.get('/account');
    await probe.settled();
    const [me, sheet] = probe.pushes;
    expect(account).toMatchObject({ code: 0, body: Buffer.from(page) });
    expect(me).toMatchObject({ path: '/me.json', headers: {}, code: 8 });
    expect(sheet).toMatchObject({ path: '/style.css', body: Buffer.from(style), code: 0 });
    expect(running.pusher.stats()).toMatchObject({ promised: 2, failed: 1, refused: 0 });
    expect(running.log.warnings).toEqual([
      '/me.json was promised but not pushed: the application answered 403.',
    ]);
  });

  it('and no error, no redirect and nothing that is missing', async () => {
    const running = await start();
    const probe = await connect(running);
    expect(await probe.get('/broken')).toMatchObject({ code: 0, body: Buffer.from(page) });
    await probe.settled();
    expect(probe.pushes.map(({ path, code }) => [path, code])).toEqual([
      ['/missing.css', 8],
      ['/throws.css', 8],
      ['/moved.css', 8],
      ['/style.css', 0],
    ]);
    expect(probe.frames.filter((frame) => /^[345]/.test(frame))).toEqual([]);
    expect(running.pusher.stats()).toMatchObject({ failed: 3, pushedBytes: style.length });
    expect(running.log.warnings.join('\n')).toMatch(
      /missing\.css .* answered 404(.|\n)*moved\.css .* answered 302/,
    );
  });

  it('streams, counted in bytes', async () => {
    const running = await start();
    const probe = await connect(running);
    await probe.get('/streams');
    expect((await probe.pushed('/chunks.js')).body.toString()).toBe('let a = 1;let ü = 2;');
    expect((await probe.pushed('/disk.js')).body.toString()).toBe('let disk = true;');
    expect(running.pusher.stats().pushedBytes).toBe(
      Buffer.byteLength('let a = 1;let ü = 2;let disk = true;'),
    );
  });

  it('and pushes nothing itself', async () => {
    const probe = await connect(await start());
    expect((await probe.get('/loop')).headers.link).toBe(
      '</loop/a>; rel=preload; as=fetch; crossorigin=anonymous',
    );
    await probe.settled();
    expect(probe.pushes.map(({ path, body }) => [path, body.toString()])).toEqual([['/loop/a', 'a']]);
  });
});

describe('a file given directly', () => {
  it('has the content type of its extension, and its size', async () => {
    const running = await start();
    const probe = await connect(running);
    await probe.get('/files');
    await probe.settled();
    const answers = probe.pushes.map(({ path, headers, body, code }) => [
      path.slice('/files/'.length),
      headers[':status'],
      headers['content-type'],
      headers['content-range'] ?? headers['content-length'],
      body.toString('latin1'),
      code,
    ]);
    expect(answers).toEqual([
      ['app.css', 200, 'text/css; charset=utf-8', '18', style, 0],
      ['inter.woff2', 200, 'font/woff2', '3', '\x01\x02\x03', 0],
      ['blob', 200, 'application/octet-stream', '4', 'blob', 0],
      ['empty.txt', 200, 'text/plain; charset=utf-8', '0', '', 0],
      ['intro.mp4', 206, 'video/mp4', 'bytes 2-5/10', '2345', 0],
      ['tail.mp4', 206, 'video/mp4', 'bytes 8-9/10', '89', 0],
      ['beyond.mp4', undefined, undefined, undefined, '', 8],
      ['gone.css', undefined, undefined, undefined, '', 8],
      ['folder', undefined, undefined, undefined, '', 8],
    ]);
    expect(probe.pushes[4]!.request.range).toBe('bytes=2-5');
    expect(running.pusher.stats()).toMatchObject({ failed: 3, refused: 0, pushedBytes: 18 + 3 + 4 + 4 + 2 });
    expect(running.log.warnings).toHaveLength(3);
    expect(running.log.warnings.join('\n')).toContain('gone.css');
  });
});

describe('a client that has asked for a resource itself', () => {
  it('is not promised it on that connection, unless it did not get it', async () => {
    const running = await start();
    await (await connect(running)).get('/account');
    const probe = await connect(running);
    await probe.get('/style.css');
    await probe.get('/me.json'); // 403
    await probe.get('/account', { cookie: 'session=ada' });
    await probe.settled();
    expect(probe.pushes.map(({ path }) => path)).toEqual(['/me.json']);
    expect(running.pusher.stats().skipped.promised).toBe(1);
  });
});
