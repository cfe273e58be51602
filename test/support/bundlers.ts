import { build as esbuild } from 'esbuild';
import { rspack } from '@rspack/core';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build as vite } from 'vite';
import webpack from 'webpack';
import { afterTest } from './cleanup.js';

/** What a bundler has made of a page's script. */
export interface Bundle {
  readonly code: string;
  readonly warnings: readonly string[];
}

export type Bundler = (entry: string, folder: string) => Promise<Bundle>;

export function gzipped(code: string): number {
  return gzipSync(code, { level: 9 }).length;
}

/** A folder with one script, in which packages are found as in an application that has installed them. */
export async function application(source: string): Promise<{ entry: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'push-bundle-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  const entry = join(folder, 'src/main.js');
  await writeFile(entry, source);
  return { entry, folder };
}

const define = {
  'process.env.NODE_ENV': '"production"',
  // Flags that applications of Vue set, as its documentation asks for.
  __VUE_OPTIONS_API__: 'true',
  __VUE_PROD_DEVTOOLS__: 'false',
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
};

const webpackLike = {
  mode: 'production',
  target: ['web', 'es2022'],
  devtool: false,
  performance: { hints: false },
} as const;

/** What Vite, webpack, rspack and esbuild make of an application, with what they do by default for production. */
export const bundlers: Readonly<Record<string, Bundler>> = {
  async esbuild(entry) {
    const { outputFiles, warnings } = await esbuild({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      define,
      write: false,
      logLevel: 'silent',
    });
    return { code: outputFiles[0]!.text, warnings: warnings.map(({ text }) => text) };
  },

  async vite(entry, folder) {
    const warnings: string[] = [];
    const result = await vite({
      root: folder,
      configFile: false,
      logLevel: 'silent',
      define,
      build: {
        write: false,
        target: 'es2022',
        modulePreload: false,
        chunkSizeWarningLimit: 10_000,
        rolldownOptions: {
          input: entry,
          onwarn: ({ message }) => warnings.push(message),
          output: { codeSplitting: false },
          // Exports of the script stay.
          preserveEntrySignatures: 'strict',
        },
      },
    });
    const outputs = (Array.isArray(result) ? result : [result]) as { output: { code?: string }[] }[];
    return { code: outputs[0]!.output[0]!.code!, warnings };
  },

  webpack(entry, folder) {
    const path = join(folder, 'webpack');
    const compiler = webpack({
      ...webpackLike,
      target: [...webpackLike.target],
      context: folder,
      entry,
      experiments: { outputModule: true },
      output: { path, filename: 'main.js', module: true, library: { type: 'module' } },
      plugins: [new webpack.DefinePlugin(define)],
    });
    return new Promise((done, fail) => {
      compiler.run((error, stats) => compiler.close(() => finish(error, stats, path).then(done, fail)));
    });
  },

  rspack(entry, folder) {
    const path = join(folder, 'rspack');
    const compiler = rspack({
      ...webpackLike,
      target: [...webpackLike.target],
      context: folder,
      entry,
      output: { path, filename: 'main.js', module: true, library: { type: 'module' } },
      plugins: [new rspack.DefinePlugin(define)],
    });
    return new Promise((done, fail) => {
      compiler.run((error, stats) => compiler.close(() => void finish(error, stats, path).then(done, fail)));
    });
  },
};

interface Stats {
  toJson(options: object): { errors?: { message: string }[]; warnings?: { message: string }[] };
}

async function finish(error: Error | null, stats: Stats | undefined, path: string): Promise<Bundle> {
  if (error) throw error;
  const { errors = [], warnings = [] } = stats!.toJson({ all: false, errors: true, warnings: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return {
    code: await readFile(join(path, 'main.js'), 'utf8'),
    warnings: warnings.map(({ message }) => message),
  };
}
