import { Controller, Get, Header } from '@nestjs/common';
import { build } from 'esbuild';
import { resolve } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { record } from './chromium.js';

/** A page of an application that uses `useChat` as its documentation does, in development mode. */
const source = `
  import { useChat } from '@ai-sdk/react';
  import { createElement as h, StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';

  function Chat() {
    const { messages, status, error, sendMessage } = useChat({ id: 'one', resume: true });
    window.send = (text) => void sendMessage({ text });
    const answers = messages.filter(({ role }) => role === 'assistant');
    return h('main', null,
      h('output', { id: 'status' }, error ? 'error ' + error.message : status),
      h('pre', { id: 'answers' }, JSON.stringify(answers)),
    );
  }
  const root = document.body.appendChild(document.createElement('div'));
  createRoot(root).render(h(StrictMode, null, h(Chat)));`;

/** Serves that page at \`/\`. */
export async function chatPage() {
  const { outputFiles } = await build({
    stdin: { contents: source, loader: 'js', resolveDir: resolve('.') },
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const script = outputFiles[0]!.text;

  @Controller()
  class PageController {
    @Get()
    @Header('content-type', 'text/html')
    page(): string {
      return '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><script type="module" src="/page.js"></script>';
    }

    @Get('page.js')
    @Header('content-type', 'text/javascript')
    script(): string {
      return script;
    }
  }
  return PageController;
}

interface Answer {
  readonly id: string;
  readonly parts: readonly { readonly type: string; readonly text?: string }[];
}

declare const window: { send(text: string): void };

/** A tab that shows the chat. */
export class ChatTab {
  private constructor(
    readonly page: Page,
    readonly errors: readonly string[],
  ) {}

  static async open(context: BrowserContext, url: string): Promise<ChatTab> {
    const page = await context.newPage();
    const tab = new ChatTab(page, record(page).errors);
    await page.goto(url);
    await tab.page.locator('#status').waitFor();
    return tab;
  }

  send(text: string): Promise<void> {
    return this.page.evaluate((text) => window.send(text), text);
  }

  async untilStatus(status: string): Promise<void> {
    await this.page.locator('#status', { hasText: status }).waitFor();
  }

  /** Resolves once the last answer has this text. */
  async untilText(text: string): Promise<void> {
    await this.page.locator('#answers', { hasText: JSON.stringify(text) }).waitFor();
  }

  /** What it shows, as it is on the page. */
  shown(): Promise<string> {
    return this.page.locator('#answers').innerText();
  }

  async answers(): Promise<Answer[]> {
    return JSON.parse(await this.shown()) as Answer[];
  }
}
