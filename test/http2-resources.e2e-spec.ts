import { Controller, Get, Header } from '@nestjs/common';
import { PushResources } from 'nestjs-push';
import { Http2Probe } from './support/http2-probe.js';
import { startFastify, type RunningApp } from './support/resources-app.js';

const page = '<!doctype html><link rel="stylesheet" href="/style.css"><h1>Orders</h1>';
const style = 'h1 { color: teal }';

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
}

describe('a TLS server pushes /style.css with the index page', () => {
  let running: RunningApp;
  let probe: Http2Probe;

  beforeAll(async () => {
    running = await startFastify({ controllers: [PagesController] });
    probe = await Http2Probe.connect(`https://127.0.0.1:${running.port}`);
  });
  afterAll(async () => {
    await probe.close();
    await running.app.close();
  });

  it('and a node:http2 client has the style sheet without having asked', async () => {
    const index = await probe.get('/');
    expect(index.body.toString()).toBe(page);
    const pushed = await probe.pushed('/style.css');
    expect(pushed.headers).toMatchObject({ ':status': 200, 'content-type': 'text/css; charset=utf-8' });
    expect(pushed.body.toString()).toBe(style);
    expect(probe.frames).toEqual([
      'promise /style.css',
      '200 /',
      'data /',
      '200 /style.css',
      'data /style.css',
    ]);
    expect(index.headers.link).toBe('</style.css>; rel=preload; as=style');
    expect(running.log.warnings).toEqual([]);
    expect(running.pusher.stats()).toMatchObject({
      promised: 1,
      pushedBytes: style.length,
      refused: 0,
      failed: 0,
    });
  });
});
