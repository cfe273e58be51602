import { connect, page, start } from './support/pages-with-resources.js';

describe('resources that a function names', () => {
  it('depend on the request', async () => {
    const running = await start();
    const probe = await connect(running);
    await probe.get('/named/dark');
    await probe.get('/named/light');
    await probe.settled();
    expect(probe.pushes.map(({ path }) => path)).toEqual(['/styles/dark.css', '/styles/light.css']);
    expect(running.log.warnings).toEqual(['A resource was dropped: no idea']);
    expect(running.pusher.stats().skipped.invalid).toBe(2);
  });

  it('are dropped with a warning when they would break out of the header', async () => {
    const running = await start();
    const probe = await connect(running);
    const answer = await probe.get(`/named/${encodeURIComponent('x>; rel=preload\r\nset-cookie: a=b')}`);
    expect(answer).toMatchObject({ code: 0, body: Buffer.from(page) });
    expect(answer.headers.link).toBeUndefined();
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(probe.pushes).toEqual([]);
    expect(running.log.warnings[0]).toMatch(/^A resource was dropped: "\/styles\/x>.*\\r\\n.* is not a path/);
  });
});

describe('each of the three can be switched off', () => {
  it('for a route', async () => {
    const probe = await connect(await start());
    const quiet = await probe.get('/quiet', { 'sec-fetch-mode': 'navigate' });
    expect(quiet.headers.link).toBe('</style.css>; rel=preload; as=style');
    expect(quiet.hints).toEqual([]);
    expect(probe.pushes).toEqual([]);
    expect((await probe.get('/linkless')).headers.link).toBeUndefined();
    expect(probe.pushes).toHaveLength(1);
  });

  it('for a controller, before which its routes come', async () => {
    const probe = await connect(await start());
    expect((await probe.get('/section/one')).headers.link).toBeUndefined();
    expect((await probe.get('/section/two')).headers.link).toBe(
      '</two.css>; rel=preload; as=style, </style.css>; rel=preload; as=style',
    );
  });

  it('for the module', async () => {
    const running = await start({ push: false, earlyHints: false, link: false });
    const probe = await connect(running);
    const index = await probe.get('/', { 'sec-fetch-mode': 'navigate' });
    expect(index.headers.link).toBeUndefined();
    expect(probe.frames).toEqual(['200 /', 'data /']);
    expect(running.pusher.stats()).toMatchObject({ promised: 0, hints: 0 });
  });
});

describe('never', () => {
  it.each([
    ['HEAD', '/head'],
    ['POST', '/form'],
    ['GET', '/events'],
    ['GET', '/hand-made-events'],
  ])('is anything pushed or hinted with %s %s', async (method, path) => {
    const running = await start(path === '/hand-made-events' ? { push: false, earlyHints: false } : {});
    const probe = await connect(running);
    const answer = await probe.get(path, { ':method': method, 'sec-fetch-mode': 'navigate' });
    expect(answer.code).toBe(0);
    expect(answer.headers.link).toBe(method === 'HEAD' ? '</style.css>; rel=preload; as=style' : undefined);
    expect(probe.pushes).toEqual([]);
    expect(answer.hints).toEqual([]);
  });

  it('is anything offered to an EventSource', async () => {
    const probe = await connect(await start());
    const answer = await probe.get('/', { accept: 'text/event-stream' });
    expect(answer.headers.link).toBeUndefined();
    expect(probe.pushes).toEqual([]);
  });
});
