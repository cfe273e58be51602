import { transform } from '@swc/core';
import { build, type Plugin } from 'esbuild';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterTest } from './cleanup.js';

/** The code blocks of the section "React" of the client's README, by what the text before them begins with. */
export async function reactRecipes(): Promise<Record<string, string>> {
  const readme = await readFile('libs/push-client/README.md', 'utf8');
  const section = /^## React\n([\s\S]*?)^## /m.exec(readme)![1]!;
  const parts = section.split(/^```(?:tsx?\n)?/m);
  const named = parts.flatMap((text, index) => {
    const name = /^[\w ]+/.exec(text.trim().split('\n\n').at(-1)!);
    return index % 2 === 0 && name ? [[name[0], parts[index + 1]!] as const] : [];
  });
  // After the last block there is text only.
  return Object.fromEntries(named.filter(([, code]) => code !== undefined));
}

const push = `import { connect } from 'nestjs-push-client'; export const push = connect('/push', { lazy: true, tabs: false });`;

/** Bundles `code`, which uses the module `recipe`, and has other `modules` beside it. */
export async function bundleRecipe(
  code: string,
  recipe: string,
  modules: Readonly<Record<string, string>> = {},
): Promise<string> {
  const all: Record<string, string> = { recipe, './push': push, ...modules };
  const found: Plugin = {
    name: 'recipe',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path }) => (path in all ? { path, namespace: 'recipe' } : undefined));
      onLoad({ filter: /.*/, namespace: 'recipe' }, ({ path }) => ({
        contents: all[path]!,
        loader: 'tsx',
        resolveDir: resolve('.'),
      }));
    },
  };
  const { outputFiles } = await build({
    stdin: { contents: code, loader: 'tsx', resolveDir: resolve('.') },
    plugins: [found],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    write: false,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  return outputFiles[0]!.text;
}

/** Loads TSX modules in this process, as a server does. Resolves with the exports of the first. */
export async function loadOnServer(
  modules: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const folder = resolve('node_modules', '.cache', `react-recipes-${process.pid}`);
  await mkdir(folder, { recursive: true });
  afterTest(() => rm(folder, { recursive: true }));
  for (const [name, code] of Object.entries(modules)) {
    const compiled = await transform(code, {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', tsx: true, decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, react: { runtime: 'automatic' } },
      },
      module: { type: 'es6' },
    });
    await writeFile(
      join(folder, `${name}.mjs`),
      compiled.code.replace(/from ["']\.\/([\w-]+)["']/g, "from './$1.mjs'"),
    );
  }
  const [first] = Object.keys(modules);
  return (await import(pathToFileURL(join(folder, `${first}.mjs`)).href)) as Record<string, unknown>;
}
