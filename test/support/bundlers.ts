import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterTest } from './cleanup.js';

/** What a bundler has made of a page's script. */
export interface Bundle {
  readonly code: string;
  readonly warnings: readonly string[];
}

export const bundlers = ['esbuild', 'vite', 'webpack', 'rspack'] as const;

/** Bundles each of the scripts, in a folder where packages are found as in an application that has installed them. */
export async function bundle(
  bundler: (typeof bundlers)[number],
  scripts: readonly string[],
): Promise<readonly Bundle[]> {
  const folder = await mkdtemp(join(tmpdir(), 'push-bundle-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  const files = scripts.map((_, index) => join(folder, `script${index}.js`));
  await Promise.all(files.map((file, index) => writeFile(file, scripts[index]!)));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['test/support/bundle.mjs', bundler, folder, ...files],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout) as readonly Bundle[];
}
