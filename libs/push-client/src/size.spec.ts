import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const core = "export { connectWith } from './core.ts'";
const everything = "export { connect } from './index.ts'";

/** What a page loads that imports `what`, minified. */
async function bundled(what: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: what, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    external: ['react', 'vue', '@angular/core'],
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]!.text;
}

/** Its bytes, gzipped. */
async function sizeOf(what: string): Promise<number> {
  return gzipSync(await bundled(what), { level: 9 }).length;
}

/** What a badge of the README says, in kB. */
function badge(name: string): number {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  return Number(new RegExp(`badge/${name}-([\\d.]+)_kB_gzipped`).exec(readme)?.[1]);
}

describe('What a page loads, gzipped', () => {
  it.each([
    ['core', core, 5_000],
    ['everything', everything, 9_000],
  ])('is for the %s what the README says, and not too much', async (name, what, most) => {
    const size = await sizeOf(what);
    expect(size).toBeLessThanOrEqual(most);
    // Versions of zlib differ by some bytes.
    expect(Math.abs(size / 1_000 - badge(name))).toBeLessThan(0.1);
  });

  // The part, what it exports, the entry that it is built upon, and how much more it may be.
  it.each([
    ['state', 'stateOf', core, 1_000],
    ['snapshot', 'snapshotOf', core, 1_000],
    ['presence', 'presenceOf', core, 2_000],
    ['run', 'runOf', core, 1_000],
    ['route/index', 'routeOf', core, 2_400],
    ['route/index', 'routeOf', everything, 2_000],
    ['offline/index', 'outboxOf', core, 1_500],
    ['offline/index', 'freshnessOf', core, 400],
    // Entries for frameworks: beside what they are built upon, and without the framework.
  ])('is little more for the part `%s` (%s)', async (file, name, base, most) => {
    const [alone, both] = await Promise.all([
      sizeOf(base),
      sizeOf(`${base}; export { ${name} } from './${file}.ts'`),
    ]);
    expect(both - alone).toBeLessThan(most);
  });

  it.each([
    ['react', 2_500],
    ['vue', 2_400],
    ['angular', 2_300],
  ])('is little more for the entry `%s` than what it is built upon', async (folder, most) => {
    const parts = [
      "export { connect } from './index.ts'",
      "export { stateOf } from './state.ts'",
      "export { presenceOf } from './presence.ts'",
      "export { runOf } from './run.ts'",
      "export { historyOf } from './history.ts'",
      "export { LiveHistory } from './live-history.ts'",
    ].join(';');
    const [alone, both] = await Promise.all([
      sizeOf(parts),
      sizeOf(`${parts}; export * from './${folder}/index.ts'`),
    ]);
    expect(both - alone).toBeLessThanOrEqual(most);
  });

  it('is only what it uses of the hooks of React', async () => {
    const code = await bundled("export { PushProvider, useLatest } from './react/index.ts'");
    expect(code).toContain('NO_PROVIDER');
    // Names of messages and topics of presence, runs and history.
    for (const other of ['$presence.', '$run.', '/history']) expect(code).not.toContain(other);
  });
});
