import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { Http2Probe } from './http2-probe.js';
import { startFastify, type ResourcesAppOptions, type RunningApp } from './resources-app.js';

/* Routes that offer resources in every way there is. Applications and clients are closed after each test. */

export const page = '<!doctype html><link rel="stylesheet" href="/style.css"><h1>Orders</h1>';
export const style = 'h1 { color: teal }';
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

/** Fastify with these routes, by default with TLS. */
export async function start(
  http2?: ResourceOptions,
  more?: Partial<ResourcesAppOptions>,
): Promise<RunningApp> {
  const running = await startFastify({ controllers: [PagesController, SectionController], http2, ...more });
  open.push(running.app);
  return running;
}

/** A client of HTTP/2 that takes pushes. */
export async function connect({ port }: RunningApp, scheme = 'https'): Promise<Http2Probe> {
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
