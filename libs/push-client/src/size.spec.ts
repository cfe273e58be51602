import { build } from 'esbuild';
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

// The README's badge says the same.
describe('What a page loads, gzipped', () => {
  it('is 5 kB at most for the core', async () => {
    expect(await sizeOf("export { connectWith } from './core.ts'")).toBeLessThanOrEqual(5_000);
  });

  it('is 8.5 kB at most for everything', async () => {
    expect(await sizeOf("export { connect } from './index.ts'")).toBeLessThanOrEqual(8_500);
  });
});
