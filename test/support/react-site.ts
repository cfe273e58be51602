import { Injectable, type Type } from '@nestjs/common';
import {
  PushError,
  PushTopic,
  type Principal,
  type PublishContext,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { build } from 'esbuild';
import { resolve } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { record } from './chromium.js';
import { afterTest } from './cleanup.js';
import { startComponentSite } from './component-site.js';
import type { RunningApp } from './start-app.js';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const patience = 120_000;

/** Everybody may write, and nobody may read. */
@Injectable()
@PushTopic('box.:name')
class BoxPolicy implements TopicPolicy {
  canSubscribe() {
    return false;
  }

  canPublish() {
    return true;
  }

  transform(_principal: Principal, _params: object, { data }: PublishContext) {
    if (data === 'bad') throw new PushError('FORBIDDEN', 'This is no good.');
    return data;
  }
}

/** The application of components, where hooks find everything that they show. */
export function startReactSite(
  options: PushOptions = {},
  controllers: readonly Type<object>[] = [],
): Promise<RunningApp> {
  return startComponentSite(options, { controllers, policies: [BoxPolicy], grace: 100 });
}

/** What the code of every page begins with: `mount` shows an element, `show` makes one of a value that tests can read. */
const prelude = `
import * as React from 'react';
import { Component, createElement, Fragment, memo, startTransition, StrictMode, Suspense, useEffect, useMemo, useState } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { connect } from 'nestjs-push-client';
import {
  PushProvider, useEvents, useHistory, useLatest, usePresence, usePublish, usePush, usePushStatus, useRun, useStateMap,
} from 'nestjs-push-client/react';
window.errors = [];
window.push = connect('/push', { tabs: false, onError: (error) => errors.push(String(error)), ...window.options });
window.show = (value, id = 'out') => <pre id={id}>{JSON.stringify(value)}</pre>;
window.mount = (app) => {
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  root.render(<StrictMode><PushProvider push={push}>{app}</PushProvider></StrictMode>);
  window.unmount = () => root.unmount();
};
`;

/** A folder with other versions of `react` and `react-dom`, to run the tests with: `REACT=/tmp/react18/node_modules`. */
const { REACT } = process.env;

/** The code of a page as a bundle. */
async function bundle(code: string): Promise<string> {
  const alias: Record<string, string> = REACT
    ? { react: `${REACT}/react`, 'react-dom': `${REACT}/react-dom` }
    : {};
  const { outputFiles } = await build({
    stdin: { contents: code, loader: 'tsx', resolveDir: resolve('.') },
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    write: false,
    alias,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  return outputFiles[0]!.text;
}

/** A page with React. */
export class ReactPage {
  private constructor(
    readonly page: Page,
    /** What it says on its console, and exceptions. */
    readonly errors: readonly string[],
    /** What it sends over its WebSockets. */
    readonly sent: readonly string[],
  ) {}

  /** Opens a page of `app` and runs `code` in it, after the prelude. `options` are those of `connect`. */
  static async open(
    browser: Browser | BrowserContext,
    app: RunningApp,
    code: string,
    options: object = {},
  ): Promise<ReactPage> {
    const script = await bundle(prelude + code);
    const page = await browser.newPage();
    afterTest(() => page.close());
    page.setDefaultTimeout(patience);
    const { errors } = record(page);
    const sent: string[] = [];
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => void sent.push(String(payload))),
    );
    await page.goto(app.url('/'));
    await page.evaluate((given) => Object.assign(globalThis, { options: given }), options);
    await page.addScriptTag({ content: script, type: 'module' });
    return new ReactPage(page, errors, sent);
  }

  /** Resolves once the page shows `value`. */
  async shows(value: unknown, id = 'out'): Promise<void> {
    const expected = JSON.stringify(value);
    try {
      await this.page.waitForFunction(
        ({ id, expected }) => document.getElementById(id)?.textContent === expected,
        { id, expected },
        { timeout: patience },
      );
    } catch {
      const seen = await this.page.evaluate(() => document.body.innerText);
      throw new Error(`It shows ${seen}, and not ${expected}. ${this.errors.join('\n')}`);
    }
  }

  /** Runs code in the page. */
  async run<T = unknown>(code: string): Promise<T> {
    return (await this.page.evaluate(code)) as T;
  }

  /** What the client was told that no call reports. */
  told(): Promise<string[]> {
    return this.run<string[]>('window.errors');
  }

  /** The topics of each `subscribe` that it has sent. */
  get subscribed(): string[] {
    return this.sent
      .map((text) => JSON.parse(text) as { event: string; data: { topics?: string[] } })
      .filter(({ event }) => event === 'subscribe')
      .map(({ data }) => data.topics!.join(' '));
  }
}

declare const document: {
  getElementById(id: string): { textContent: string } | null;
  body: { innerText: string };
};
