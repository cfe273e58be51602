import { Controller, Get, Header, Param, StreamableFile } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApp, type RunningApp } from './start-app.js';

const dist = dirname(fileURLToPath(import.meta.resolve('nestjs-push-client')));

/** A page that has the client as the package ships it: plain modules, nothing bundled. */
@Controller()
class SiteController {
  @Get()
  @Header('content-type', 'text/html')
  page(): string {
    return (
      '<!doctype html><link rel="icon" href="data:,"><script type="module">' +
      "import { connect } from '/client/index.js'; window.connect = connect;</script>"
    );
  }

  @Get(['client/:file', 'client/:folder/:file'])
  @Header('content-type', 'text/javascript')
  file(@Param() { folder = '', file }: { folder?: string; file: string }): StreamableFile {
    return new StreamableFile(createReadStream(join(dist, folder, file)));
  }
}

/** An application with that page, where everybody may read everything; what is below `board` is state. */
export function startSite(options: PushOptions = {}): Promise<RunningApp> {
  const topics = [
    { pattern: 'board.*', access: 'public' as const, state: true },
    { pattern: '>', access: 'public' as const },
  ];
  return startApp('express', {
    controllers: [SiteController],
    imports: [PushModule.forRoot({ topics, heartbeat: 2_500, ...options })],
  });
}
