import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterTest } from './support/cleanup.js';
import { start } from './support/processes.js';
import { snippetsOf } from './support/markdown.js';

const page = 'libs/push/docs/testing.md';
const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };

/** The packages of the workspace are as those of an application: nothing transforms them. */
const vitestConfig = `export default {
  test: { globals: true, server: { deps: { external: [/libs.push/] } } },
};`;

/** TypeScript is transformed as in the tests of the workspace. */
const jestConfig = `import { base } from ${JSON.stringify(pathToFileURL('test/jest.base.mjs').href)};
export default { ...base, rootDir: import.meta.dirname, testMatch: ['**/*.spec.ts'] };`;

/** A project with the snippets of the page, outside of the workspace. Resolves with its folder. */
async function project(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'push-testing-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const snippets = snippetsOf(await readFile(page, 'utf8'));
  expect(snippets.map(({ name }) => name).filter((name) => name?.endsWith('.spec.ts'))).toHaveLength(5);
  for (const { name, code } of snippets) await writeFile(join(folder, name!), code);
  const files = {
    'package.json': { type: 'module' },
    'tsconfig.json': { compilerOptions: { target: 'ES2022', ...decorators } },
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), JSON.stringify(content));
  await writeFile(join(folder, 'vitest.config.js'), vitestConfig);
  await writeFile(join(folder, 'jest.config.js'), jestConfig);
  return folder;
}

const runners = {
  Jest: ['--experimental-vm-modules', resolve('node_modules/jest/bin/jest.js')],
  Vitest: [resolve('node_modules/vitest/vitest.mjs'), 'run'],
};

it.each(Object.entries(runners))(
  'Every snippet of the page about testing runs with %s',
  async (_, command) => {
    const cwd = await project();
    const runner = start(process.execPath, command, {
      cwd,
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined },
    });
    const { code } = await runner.untilExit();
    expect({ code, output: code === 0 ? '' : runner.output }).toEqual({ code: 0, output: '' });
    expect(runner.output).toMatch(/Tests:? +11 passed/);
  },
  240_000,
);
