import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Bytes of what a page loads that imports `what`, minified and gzipped. */
async function sizeOf(what: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: what, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

/** What a badge of the README says, in kB. */
function badge(name: string): number {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  return Number(new RegExp(`badge/${name}-([\\d.]+)_kB_gzipped`).exec(readme)?.[1]);
}

describe('What a page loads, gzipped', () => {
  it.each([
    ['core', "export { connectWith } from './core.ts'", 5_000],
    ['everything', "export { connect } from './index.ts'", 9_000],
  ])('is for the %s what the README says, and not too much', async (name, what, most) => {
    const size = await sizeOf(what);
    expect(size).toBeLessThanOrEqual(most);
    // Versions of zlib differ by some bytes.
    expect(Math.abs(size / 1_000 - badge(name))).toBeLessThan(0.1);
  });

  it.each([
    ['state', 'stateOf', 1_000],
    ['snapshot', 'snapshotOf', 1_000],
    ['presence', 'presenceOf', 2_000],
    ['run', 'runOf', 1_000],
  ])('is little more for the part `%s`', async (file, name, most) => {
    const core = "export { connectWith } from './core.ts';";
    const [alone, both] = await Promise.all([
      sizeOf(core),
      sizeOf(`${core} export { ${name} } from './${file}.ts'`),
    ]);
    expect(both - alone).toBeLessThan(most);
  });
});
