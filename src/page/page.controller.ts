import { applyDecorators, Controller, Get, Header } from '@nestjs/common';
import { PushResources, type Resource } from 'nestjs-push';
import { readFileSync } from 'node:fs';

/** The pages load from and connect to this application only. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const modulesOf = (...names: string[]) =>
  names.map((name): Resource => ({ path: `/${name}.js`, rel: 'modulepreload' }));

/** The modules of the desk. Without a hint, a browser discovers the imports of a module only after it has loaded that. */
const deskModules = modulesOf(
  ...['app', 'author', 'board', 'chart', 'machine', 'pins', 'strip', 'visitors'],
  ...['client/index', 'client/connect', 'client/history', 'client/state', 'client/presence'],
);

const writeModules = modulesOf(
  ...['write', 'strip', 'client/index', 'client/connect', 'client/run', 'client/state'],
);

/** A page, with what it needs early. */
const Page = (...resources: (string | Resource)[]) =>
  applyDecorators(
    PushResources('/style.css', ...resources),
    Header('Content-Type', 'text/html; charset=utf-8'),
    Header('Content-Security-Policy', contentSecurityPolicy),
    Header('Cache-Control', 'no-cache'),
    Header('X-Content-Type-Options', 'nosniff'),
    Header('Referrer-Policy', 'no-referrer'),
  );

const read = (name: string) => readFileSync(new URL(`public/${name}`, import.meta.url), 'utf8');

@Controller()
export class PageController {
  private readonly deskPage = read('index.html');
  private readonly writePage = read('write.html');

  @Get()
  @Page(...deskModules)
  desk(): string {
    return this.deskPage;
  }

  @Get('write')
  @Page('/write.css', ...writeModules)
  write(): string {
    return this.writePage;
  }
}
