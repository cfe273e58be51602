import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { sensitiveHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Head,
  Header,
  Post,
  Req,
  Res,
  Sse,
  StreamableFile,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PushResources, type ResourceOptions } from 'nestjs-push';
import { of } from 'rxjs';
import { Http2Probe } from './support/http2-probe.js';
import { startFastify, type ResourcesAppOptions, type RunningApp } from './support/resources-app.js';

const page = '<!doctype html><link rel="stylesheet" href="/style.css"><h1>Orders</h1>';
const style = 'h1 { color: teal }';
const directory = mkdtempSync(join(tmpdir(), 'pushed-resources-'));
const file = (name: string) => join(directory, name);

class HasSession implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    return headers.cookie?.includes('session=ada') === true || headers.authorization === 'Bearer ada';
  }
}

@Controller()
class PagesController {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @PushResources('/style.css')
  index() {
    return page;
  }

  @Get('style.css')
  @Header('content-type', 'text/css; charset=utf-8')
  style() {
    return style;
  }

  @Get('account')
  @PushResources('/me.json', '/style.css')
  account() {
    return page;
  }

  @Get('me.json')
  @UseGuards(HasSession)
  @Header('set-cookie', 'seen=1; HttpOnly')
  me(@Req() request: FastifyRequest) {
    return {
      url: request.url,
      host: request.host,
      scheme: request.protocol,
      encoding: request.headers['accept-encoding'],
      tenant: request.headers['x-tenant'],
      agent: request.headers['user-agent'],
      range: request.headers.range,
    };
  }

  @Get('broken')
  @PushResources('/missing.css', '/throws.css', '/moved.css', '/style.css')
  broken() {
    return page;
  }

  @Get('throws.css')
  throws() {
    throw new Error('This is what the test wants.');
  }

  @Get('moved.css')
  moved(@Res() reply: FastifyReply) {
    return reply.redirect('/style.css', 302);
  }

  @Get('streams')
  @PushResources('/chunks.js', '/disk.js')
  streams() {
    return page;
  }

  @Get('chunks.js')
  @Header('content-type', 'text/javascript')
  chunks() {
    return new StreamableFile(Readable.from([Buffer.from('let a = 1;'), Buffer.from('let ü = 2;')]), {
      type: 'text/javascript',
    });
  }

  @Get('disk.js')
  disk(@Res() reply: FastifyReply) {
    return reply.type('text/javascript').send(createReadStream(file('disk.js')));
  }

  @Get('loop')
  @PushResources('/loop', '/loop/a')
  loop() {
    return 'loop';
  }

  @Get('loop/a')
  @PushResources('/loop/b', '/loop')
  loopA() {
    return 'a';
  }

  @Get('files')
  @PushResources(
    { path: '/files/app.css', file: file('app.css') },
    { path: '/files/inter.woff2', file: file('inter.woff2') },
    { path: '/files/blob', file: file('blob') },
    { path: '/files/empty.txt', file: file('empty.txt') },
    { path: '/files/intro.mp4', file: file('intro.mp4'), range: { start: 2, end: 5 } },
    { path: '/files/tail.mp4', file: file('intro.mp4'), range: { start: 8, end: 99 } },
    { path: '/files/beyond.mp4', file: file('intro.mp4'), range: { start: 10, end: 12 } },
    { path: '/files/gone.css', file: file('gone.css') },
    { path: '/files/folder', file: directory },
  )
  files() {
    return page;
  }

  @Get('named/:name')
  @PushResources(
    (request: FastifyRequest<{ Params: { name: string } }>) => `/styles/${request.params.name}.css`,
    () => undefined,
    () => {
      throw new Error('no idea');
    },
  )
  named() {
    return page;
  }

  @Get('styles/:name')
  styles() {
    return style;
  }

  @Get('quiet')
  @PushResources('/style.css', { push: false, earlyHints: false })
  quiet() {
    return page;
  }

  @Get('linkless')
  @PushResources('/style.css', { link: false })
  linkless() {
    return page;
  }

  @Head('head')
  @PushResources('/style.css')
  head() {}

  @Post('form')
  @PushResources('/style.css')
  form() {
    return page;
  }

  @Sse('events')
  @PushResources('/style.css')
  events() {
    return of({ data: 'one' });
  }

  @Get('hand-made-events')
  @PushResources('/style.css')
  @Header('content-type', 'text/event-stream')
  handMadeEvents() {
    return 'data: one\n\n';
  }
}

@Controller('section')
@PushResources('/style.css', { link: false })
class SectionController {
  @Get('one')
  one() {
    return page;
  }

  @Get('two')
  @PushResources('/two.css', { link: true })
  two() {
    return page;
  }
}

const open: { close(): Promise<void> }[] = [];

async function start(http2?: ResourceOptions, more?: Partial<ResourcesAppOptions>): Promise<RunningApp> {
  const running = await startFastify({ controllers: [PagesController, SectionController], http2, ...more });
  open.push(running.app);
  return running;
}

async function connect({ port }: RunningApp, scheme = 'https'): Promise<Http2Probe> {
  const probe = await Http2Probe.connect(`${scheme}://127.0.0.1:${port}`);
  open.push(probe);
  return probe;
}

beforeAll(() => {
  writeFileSync(file('app.css'), style);
  writeFileSync(file('inter.woff2'), Buffer.from([1, 2, 3]));
  writeFileSync(file('blob'), 'blob');
  writeFileSync(file('empty.txt'), '');
  writeFileSync(file('intro.mp4'), '0123456789');
  writeFileSync(file('disk.js'), 'let disk = true;');
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});
afterAll(() => rmSync(directory, { recursive: true }));

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
