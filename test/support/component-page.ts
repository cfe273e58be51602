import { build } from 'esbuild';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { record } from './chromium.js';
import { afterTest } from './cleanup.js';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const patience = 120_000;

/** Code of a page as a bundle; `modules` are found by their names. */
export async function bundle(code: string, modules: Readonly<Record<string, string>> = {}): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, loader: 'ts', resolveDir: resolve('.') },
    plugins: [
      {
        name: 'given',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /.*/ }, ({ path }) =>
            path in modules ? { path, namespace: 'given' } : undefined,
          );
          onLoad({ filter: /.*/, namespace: 'given' }, ({ path }) => ({
            contents: modules[path]!,
            loader: 'ts',
            resolveDir: resolve('.'),
          }));
        },
      },
    ],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
    define: {
      'process.env.NODE_ENV': '"development"',
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
  });
  return outputFiles[0]!.text;
}

/** What a component shows: the function that it calls, by its name without `use` or `inject`. */
export type Kind =
  'Events' | 'History' | 'Latest' | 'Presence' | 'Publish' | 'PushStatus' | 'Run' | 'StateMap';

/**
 * A page with components of a framework. Its code gives `window` the functions `mount(kind, topic, options)`, which returns the id of
 * the element that shows what the component has, as JSON; `turn(id, topic)`; `call(id, name, ...arguments)`; and `unmount(id)`. It adds what it mounts to the weak references in `mounted`, and the
 * codes of errors to `told`.
 */
export class ComponentPage {
  private constructor(
    readonly page: Page,
    /** What it says on its console, and exceptions. */
    readonly errors: readonly string[],
  ) {}

  /** @param options those of `connect` */
  static async open(browser: Browser, url: string, script: string, options = {}): Promise<ComponentPage> {
    const page = await browser.newPage();
    afterTest(() => page.close());
    page.setDefaultTimeout(patience);
    const { errors } = record(page);
    await page.goto(url);
    await page.evaluate(
      (given) => Object.assign(globalThis, { options: given, told: [], mounted: [] }),
      options,
    );
    await page.addScriptTag({ content: script, type: 'module' });
    await page.waitForFunction("'mount' in window");
    return new ComponentPage(page, errors);
  }

  /** Mounts a component. Resolves with its id. */
  mount(kind: Kind, topic: string | undefined, options: object = {}): Promise<string> {
    return this.do('mount', kind, topic, options);
  }

  /** Gives a component another topic. */
  async turn(id: string, topic: string | undefined): Promise<void> {
    await this.do('turn', id, topic);
  }

  /** Calls a function that the component has. */
  async call(id: string, name: string, ...args: unknown[]): Promise<void> {
    await this.do('call', id, name, ...args);
  }

  async unmount(id: string): Promise<void> {
    await this.do('unmount', id);
  }

  /** Resolves once a component shows `expected`, an object or some properties of it. */
  async shows(id: string, expected: unknown): Promise<void> {
    let seen: unknown;
    try {
      for (;;) {
        seen = JSON.parse((await this.page.textContent(`[id="${id}"]`))!);
        if (isLike(seen, expected)) return;
        await this.page.waitForFunction(
          ([id, before]) => document.getElementById(id!)!.textContent !== before,
          [id, JSON.stringify(seen)] as const,
        );
      }
    } catch (error) {
      const both = `It shows ${JSON.stringify(seen)}, and not ${JSON.stringify(expected)}.`;
      throw new Error([both, ...this.errors].join('\n'), { cause: error });
    }
  }

  private do<Result>(name: string, ...args: unknown[]): Promise<Result> {
    return this.page.evaluate(
      ([name, args]) => (globalThis as unknown as Window)[name]!(...args) as Promise<Result>,
      [name, args] as const,
    );
  }
}

type Window = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/** Whether `seen` is `expected`, or has its properties. */
function isLike(seen: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return seen === expected;
  if (typeof seen !== 'object' || seen === null) return false;
  if (Array.isArray(expected) && (seen as unknown[]).length !== expected.length) return false;
  return Object.entries(expected).every(([key, value]) =>
    isLike((seen as Readonly<Record<string, unknown>>)[key], value),
  );
}

declare const document: { getElementById(id: string): { readonly textContent: string } | null };
