import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { Controller, Get, Header, HttpCode, Module, NotFoundException, Res } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import type { Response } from 'express';
import type { FastifyReply } from 'fastify';
import { PushInterceptor, PushModule, PushResources, type ResourceOptions } from 'nestjs-push';
import { Http2Probe } from './support/http2-probe.js';
import { startExpress, startFastify, WarningLog, type RunningApp } from './support/resources-app.js';

const style = '</style.css>; rel=preload; as=style';
const script = '</app.js>; rel=modulepreload';

/** Lets a handler wait for the test, so that what comes before its answer is seen to do so. */
let handlerMayAnswer = Promise.resolve();

@Controller()
class PagesController {
  @Get()
  @PushResources('/style.css', { path: '/app.js', rel: 'modulepreload' })
  async index() {
    await handlerMayAnswer;
    return 'page';
  }

  @Get('named')
  @Header('Link', '</help>; rel=help, </app.js>; rel="preload"; as=script')
  @PushResources('/style.css', { path: '/app.js', rel: 'modulepreload' })
  named() {
    return 'page';
  }

  @Get('by-hand')
  @PushResources('/style.css')
  byHand(@Res({ passthrough: true }) response: FastifyReply | Response) {
    response.header('Link', ['</help>; rel=help', '</next>; rel=next'] as unknown as string);
    return 'page';
  }

  @Get('sent')
  @PushResources('/style.css')
  sent(@Res() response: FastifyReply | Response) {
    void response.header('Link', '</help>; rel=help').send('page');
  }

  @Get('missing')
  @PushResources('/style.css')
  missing() {
    throw new NotFoundException();
  }

  @Get('unchanged')
  @HttpCode(304)
  @PushResources('/style.css')
  unchanged() {}

  @Get('wide')
  @PushResources('/style.css', { path: '/wide.css', media: '(min-width: 60em)' })
  wide() {
    return 'page';
  }
}

const open: { close(): Promise<void> }[] = [];

async function connect({ port }: RunningApp, enablePush = false): Promise<Http2Probe> {
  const probe = await Http2Probe.connect(`https://127.0.0.1:${port}`, { settings: { enablePush } });
  open.push(probe);
  return probe;
}

interface Http1Answer {
  readonly response: IncomingMessage;
  readonly body: string;
  /** The `Link` of each 103, in order. */
  readonly hints: string[];
}

/** An HTTP/1.1 request on a connection of its own. */
async function getHttp1(path: string, options: RequestOptions, secure = false): Promise<Http1Answer> {
  const hints: string[] = [];
  const send = secure ? httpsRequest : httpRequest;
  const request = send({
    path,
    host: '127.0.0.1',
    agent: false,
    rejectUnauthorized: false,
    ...options,
  } as RequestOptions);
  request.on('information', ({ statusCode, headers }) => hints.push(`${statusCode} ${headers['link']}`));
  const [response] = (await once(request.end(), 'response')) as [IncomingMessage];
  return { response, body: await text(response), hints };
}

afterEach(async () => {
  handlerMayAnswer = Promise.resolve();
  for (const each of open.splice(0).reverse()) await each.close();
});

describe('a client that allows no push', () => {
  const start = async (http2?: ResourceOptions) => {
    const running = await startFastify({ controllers: [PagesController], http2 });
    open.push(running.app);
    return running;
  };

  it('gets a 103 while the page is still being made, and nothing is promised', async () => {
    const running = await start();
    const probe = await connect(running);
    let answer!: () => void;
    handlerMayAnswer = new Promise((resolve) => (answer = resolve));
    const stream = probe.session.request({ ':path': '/', 'sec-fetch-mode': 'navigate' });
    const [hint] = (await once(stream, 'headers')) as [Record<string, unknown>];
    expect(hint).toMatchObject({ ':status': 103, link: `${style}, ${script}` });
    answer();
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(head).toMatchObject({ ':status': 200, link: `${style}, ${script}` });
    expect(await text(stream)).toBe('page');
    expect(probe.pushes).toEqual([]);
    expect(running.pusher.stats()).toMatchObject({ hints: 1, promised: 0 });
  });

  it.each([
    [1, { 'sec-fetch-mode': 'navigate', accept: 'text/html' }],
    [1, { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }],
    [1, { accept: 'application/json;q=0.5, */*;q=0.1' }],
    [1, {}],
    [0, { 'sec-fetch-mode': 'cors', accept: '*/*' }],
    [0, { 'sec-fetch-mode': 'no-cors', accept: 'text/html' }],
    [0, { accept: 'application/json' }],
    [0, { accept: 'image/avif,image/*' }],
    [0, { ':method': 'HEAD', 'sec-fetch-mode': 'navigate' }],
  ])('gets %i hints for %j', async (count, headers) => {
    const running = await start();
    const answer = await (await connect(running)).get('/', headers);
    expect(answer.hints).toHaveLength(count);
    expect(answer.headers.link).toBe(`${style}, ${script}`);
    const wasSkipped = headers[':method' as keyof typeof headers] === undefined && count === 0;
    expect(running.pusher.stats().skipped.request).toBe(wasSkipped ? 1 : 0);
  });

  it('gets none where the application wants none, and the Link header all the same', async () => {
    const answer = await (await connect(await start({ earlyHints: false }))).get('/');
    expect(answer.hints).toEqual([]);
    expect(answer.headers.link).toBe(`${style}, ${script}`);
  });

  it('gets what needs quotes as well', async () => {
    const answer = await (await connect(await start())).get('/wide');
    expect(answer.hints[0]!.link).toBe(
      `${style}, </wide.css>; rel=preload; as=style; media="(min-width: 60em)"`,
    );
  });
});

describe.each(['Fastify', 'Express'] as const)('over HTTP/1.1, on %s', (adapter) => {
  const start = async (http2?: ResourceOptions) => {
    const options = { controllers: [PagesController], http2 };
    const running = await (adapter === 'Express'
      ? startExpress(options)
      : startFastify({ ...options, protocol: 'http/1.1' }));
    open.push(running.app);
    return running;
  };

  it('the response has its Link header, and no 103 unless the application asks for it', async () => {
    const running = await start();
    const { response, body, hints } = await getHttp1('/', { port: running.port });
    expect(response.headers.link).toBe(`${style}, ${script}`);
    expect(body).toBe('page');
    expect(hints).toEqual([]);
    expect(running.pusher.stats()).toMatchObject({ hints: 0, skipped: { protocol: 1 } });
  });

  it('a 103 comes if the application asks for it', async () => {
    const running = await start({ earlyHints: 'always' });
    const navigation = await getHttp1('/', { port: running.port });
    expect(navigation.hints).toEqual([`103 ${style}, ${script}`]);
    expect(navigation.body).toBe('page');
    const fetched = await getHttp1('/', { port: running.port, headers: { 'sec-fetch-mode': 'cors' } });
    expect(fetched.hints).toEqual([]);
    expect(running.pusher.stats()).toMatchObject({ hints: 1 });
  });

  it('a 103 leaves out what Node would not send', async () => {
    const { port } = await start({ earlyHints: 'always' });
    const { response, hints } = await getHttp1('/wide', { port });
    expect(hints).toEqual([`103 ${style}`]);
    expect(response.headers.link).toContain('</wide.css>; rel=preload; as=style; media="(min-width: 60em)"');
  });

  it('HTTP/1.0 never gets a 103', async () => {
    const { port } = await start({ earlyHints: 'always' });
    const socket = connectTcp(port, '127.0.0.1');
    socket.end('GET / HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it.each([
    ['/named', `</help>; rel=help, </app.js>; rel="preload"; as=script, ${style}`],
    ['/by-hand', `</help>; rel=help, </next>; rel=next, ${style}`],
    ['/sent', `</help>; rel=help, ${style}`],
    ['/unchanged', style],
    ['/missing', undefined],
  ])('%s keeps the Link that the application sets itself', async (path, link) => {
    const { port } = await start();
    const { response } = await getHttp1(path, { port });
    expect(response.headers.link).toBe(link);
  });
});

describe('on the port that serves HTTP/2', () => {
  it('HTTP/1.1 gets the page with its Link header', async () => {
    const running = await startFastify({ controllers: [PagesController] });
    open.push(running.app);
    const { response, body, hints } = await getHttp1('/', { port: running.port }, true);
    expect([response.httpVersion, body, hints]).toEqual(['1.1', 'page', []]);
    expect(response.headers.link).toBe(`${style}, ${script}`);
  });
});

describe('PushInterceptor for every route', () => {
  @Controller()
  class PlainController {
    @Get()
    plain() {
      return 'plain';
    }

    @Get('own')
    @PushResources('/own.css')
    own() {
      return 'own';
    }
  }

  @Module({
    imports: [PushModule.forRoot({ transports: [], http2: { resources: '/all.css', earlyHints: 'always' } })],
    controllers: [PlainController],
    providers: [{ provide: APP_INTERCEPTOR, useExisting: PushInterceptor }],
  })
  class EverywhereModule {}

  it('offers the module’s resources, once, behind the route’s own', async () => {
    const app = await NestFactory.create(EverywhereModule, { logger: new WarningLog(), abortOnError: false });
    open.push(app);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address();
    const all = '</all.css>; rel=preload; as=style';
    expect(await getHttp1('/', { port })).toMatchObject({
      hints: [`103 ${all}`],
      response: { headers: { link: all } },
    });
    const both = `</own.css>; rel=preload; as=style, ${all}`;
    expect(await getHttp1('/own', { port })).toMatchObject({
      hints: [`103 ${both}`],
      response: { headers: { link: both } },
    });
  });
});
