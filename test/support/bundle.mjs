/*
 * Bundles scripts as applications do for production, outside of Jest, whose modules bundlers do not expect:
 * `node bundle.mjs <vite, webpack, rspack or esbuild> <folder> <script>…` prints what comes of each, as JSON.
 */
import { rspack } from '@rspack/core';
import { build as esbuild } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build as vite } from 'vite';
import webpack from 'webpack';

const define = {
  'process.env.NODE_ENV': '"production"',
  // Flags that applications of Vue set, as its documentation asks for.
  __VUE_OPTIONS_API__: 'true',
  __VUE_PROD_DEVTOOLS__: 'false',
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
};

/** webpack, and rspack, which is configured and run alike. */
async function packed(pack, folder, entry) {
  const compiler = pack({
    mode: 'production',
    target: ['web', 'es2022'],
    devtool: false,
    performance: { hints: false },
    context: folder,
    entry,
    output: { path: join(folder, 'dist'), filename: 'main.js' },
    plugins: [new pack.DefinePlugin(define)],
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return {
    code: await readFile(join(folder, 'dist/main.js'), 'utf8'),
    warnings: warnings.map(({ message }) => message),
  };
}

const bundlers = {
  async esbuild(folder, entry) {
    const settings = { bundle: true, minify: true, format: 'esm', target: 'es2022', define };
    const { outputFiles, warnings } = await esbuild({ ...settings, entryPoints: [entry], write: false });
    return { code: outputFiles[0].text, warnings: warnings.map(({ text }) => text) };
  },

  async vite(folder, entry) {
    const warnings = [];
    const rolldownOptions = {
      input: entry,
      output: { codeSplitting: false },
      // The React plugin of Vite, which applications of React have, keeps quiet about 'use client' as well.
      onwarn: ({ code, message }) => code !== 'MODULE_LEVEL_DIRECTIVE' && warnings.push(message),
    };
    const { output } = await vite({
      root: folder,
      configFile: false,
      logLevel: 'silent',
      define,
      build: { write: false, target: 'es2022', modulePreload: false, rolldownOptions },
    });
    return { code: output[0].code, warnings };
  },

  webpack: (folder, entry) => packed(webpack, folder, entry),

  rspack: (folder, entry) => packed(rspack, folder, entry),
};

const [name, folder, ...entries] = process.argv.slice(2);
const bundles = [];
for (const entry of entries) bundles.push(await bundlers[name](folder, entry));
process.stdout.write(JSON.stringify(bundles));
