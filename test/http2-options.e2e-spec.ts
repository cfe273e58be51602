import { createServer } from 'node:http2';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { PushModule, PushResources, type PushModuleExtras, type ResourceOptions } from 'nestjs-push';
import { WarningLog } from './support/resources-app.js';

describe('what cannot work is refused at start', () => {
  it.each<PushModuleExtras>([{}, { transports: [] }])('Express over HTTP/2, with %j', async (extras) => {
    class Http2ExpressAdapter extends ExpressAdapter {
      override initHttpServer(): void {
        // What people try: the types of Express do not fit, and at run time the first request ends the process.
        this.httpServer = createServer(this.getInstance()) as never;
      }
    }
    @Module({ imports: [PushModule.forRoot(extras)] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new Http2ExpressAdapter(), { logger: new WarningLog() });
    await expect(app.init()).rejects.toMatchObject({
      name: 'PushError',
      code: 'WRONG_ADAPTER',
      message: expect.stringContaining('new FastifyAdapter({ http2: true'),
    });
  });

  it('a resource that is not fit for a header', () => {
    expect(() => PushResources('/style.css', '//cdn.example/app.js')).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
    expect(() => PushResources({ path: '/a.css', media: 'all\r\nset-cookie: a=b' })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });

  it.each<ResourceOptions>([
    { maxConcurrent: 0 },
    { maxPerPage: 1.5 },
    { maxRemembered: -1 },
    { cookie: 'a=b' },
    { forwardHeaders: ['X-Tenant'] },
    { resources: ['style.css'] },
  ])('the option %j', async (http2) => {
    @Module({ imports: [PushModule.forRoot({ transports: [], http2 })] })
    class AppModule {}
    const creation = NestFactory.create(AppModule, { logger: new WarningLog(), abortOnError: false });
    await expect(creation).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
