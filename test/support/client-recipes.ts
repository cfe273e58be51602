import { build, type Plugin } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { record } from './chromium.js';
import { afterTest } from './cleanup.js';
import { startSite } from './client-site.js';
import { eventually } from './watched.js';

/** What uses each recipe of the client's README: shows the newest `news.a` in `#out`, and `window.end` takes it off the page. */
export const uses: Readonly<Record<string, string>> = {
  React: `
    import { createElement, StrictMode } from 'react';
    import { createRoot } from 'react-dom/client';
    import { useLatest, usePushStatus } from 'recipe';
    function App() {
      return createElement('p', { id: 'out' }, usePushStatus(), ' ', useLatest('news.a'));
    }
    const root = createRoot(document.body.appendChild(document.createElement('div')));
    root.render(createElement(StrictMode, null, createElement(App)));
    window.end = () => root.unmount();`,
  'State in React': `
    import { createElement, StrictMode } from 'react';
    import { createRoot } from 'react-dom/client';
    import { news, useNews } from 'recipe';
    function App() {
      return createElement('p', { id: 'out' }, 'live ', useNews().get('news.a'));
    }
    const root = createRoot(document.body.appendChild(document.createElement('div')));
    root.render(createElement(StrictMode, null, createElement(App)));
    window.end = () => {
      root.unmount();
      news.close();
    };`,
};

/** The code block of the client's README that follows `name`. */
async function recipeOf(name: string): Promise<string> {
  const readme = await readFile('libs/push-client/README.md', 'utf8');
  const block = new RegExp(
    `^${name}[.:][^\`]*(?:\`[^\`]+\`[^\`]*)*\`\`\`tsx?\\n([\\s\\S]*?)\`\`\``,
    'm',
  ).exec(readme);
  if (!block) throw new Error(`The README has no recipe for ${name}.`);
  return block[1]!;
}

/** Finds the recipe, and the module \`push\` that an application has beside it. */
function found(recipe: string): Plugin {
  const modules: Record<string, string> = {
    recipe,
    './push': "import { connect } from 'nestjs-push-client'; export const push = connect('/push');",
  };
  return {
    name: 'recipe',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(recipe|\.\/push)$/ }, ({ path }) => ({ path, namespace: 'recipe' }));
      onLoad({ filter: /.*/, namespace: 'recipe' }, ({ path }) => ({
        contents: modules[path]!,
        loader: 'tsx',
        resolveDir: resolve('.'),
      }));
    },
  };
}

/** Puts the recipe into an application, bundles that, and runs it in a page: it follows a topic until it ends. */
export async function runRecipe(browser: Browser, name: string): Promise<void> {
  const { outputFiles } = await build({
    stdin: { contents: uses[name]!, loader: 'ts', resolveDir: resolve('.') },
    plugins: [found(await recipeOf(name))],
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
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  });
  const app = await startSite();
  await app.bus.publish('news.a', 1);
  const page = await browser.newPage();
  afterTest(() => page.close());
  const { errors } = record(page);
  await page.goto(app.url('/'));
  await page.addScriptTag({ content: outputFiles[0]!.text, type: 'module' });
  await page.getByText('live 1').waitFor();
  await app.bus.publish('news.a', 2);
  await page.getByText('live 2').waitFor();
  await page.evaluate('window.end()');
  await eventually(() => app.bus.stats().subscriptions === 0);
  expect(errors).toEqual([]);
}
