/*
 * Beside the ES modules in dist/, the same as CommonJS in dist/cjs/, for Jest, which cannot `require` ES modules. Node never
 * loads them: see "The two builds" in CONTRIBUTING.md. Run in a package's folder, after tsc: what tsc has written is taken
 * as it is, and only its imports and exports are rewritten.
 */
import { build } from 'esbuild';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const from = 'dist';
const to = join(from, 'cjs');

rmSync(to, { recursive: true, force: true });
const files = readdirSync(from, { recursive: true, encoding: 'utf8' });
const entryPoints = files.filter((file) => file.endsWith('.js')).map((file) => join(from, file));
// What an ES module says of its place, the code asks CommonJS for in another way.
const logOverride = { 'empty-import-meta': 'silent' };
await build({
  entryPoints,
  outbase: from,
  outdir: to,
  format: 'cjs',
  platform: 'node',
  target: 'es2022',
  logOverride,
});
for (const file of files.filter((file) => file.endsWith('.d.ts'))) {
  mkdirSync(dirname(join(to, file)), { recursive: true });
  copyFileSync(join(from, file), join(to, file));
}
writeFileSync(join(to, 'package.json'), '{ "type": "commonjs" }\n');
