import { Controller, Get, Header } from '@nestjs/common';
import { PushResources, type Resource } from 'nestjs-push';
import { readFileSync } from 'node:fs';

/** The page loads from and connects to this application only. */
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

/** The module of the page and its imports. Without a hint, a browser discovers the imports only after it has loaded the module. */
const modules = [
  ...['app', 'author', 'board', 'chart', 'machine', 'pins', 'strip', 'visitors'],
  ...['client/index', 'client/connect', 'client/history', 'client/state', 'client/presence'],
].map((name): Resource => ({ path: `/${name}.js`, rel: 'modulepreload' }));

@Controller()
export class PageController {
  private readonly html = readFileSync(new URL('public/index.html', import.meta.url), 'utf8');

  @Get()
  @PushResources('/style.css', ...modules)
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', contentSecurityPolicy)
  @Header('Cache-Control', 'no-cache')
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Referrer-Policy', 'no-referrer')
  page(): string {
    return this.html;
  }
}
