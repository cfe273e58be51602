import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type * as Ts from 'typescript';
import { afterTest } from './support/cleanup.js';
import { headingsOf, snippetsOf } from './support/markdown.js';

const ts = createRequire(import.meta.url)('typescript') as typeof Ts;
const options: Ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ['node', 'jest'],
};

const pages = [
  'README.md',
  'libs/push/README.md',
  ...[
    'topics',
    'handlers',
    'runs',
    'ai',
    'outbox',
    'deploying',
    'observability',
    'graphql',
    'asyncapi',
    'testing',
    'resources',
  ].map(pathOf),
];

function pathOf(name: string): string {
  return `libs/push/docs/${name}.md`;
}

describe.each(pages)('The page %s', (page) => {
  it('has only snippets that compile as they stand, with their own imports', async () => {
    const folder = resolve('node_modules', '.cache', 'documents', page.replaceAll(/\W/g, '-'));
    await mkdir(folder, { recursive: true });
    afterTest(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const snippets = snippetsOf(await readFile(page, 'utf8'));
    expect(snippets.length).toBeGreaterThan(0);
    const files = snippets.map(({ name }, index) => join(folder, name ?? `snippet-${index}.ts`));
    // Those with a name may import each other.
    await Promise.all(snippets.map(({ code }, index) => writeFile(files[index]!, code)));
    const problems = files.flatMap((file, index) =>
      ts
        .getPreEmitDiagnostics(ts.createProgram([file], options))
        .map(
          ({ messageText }) => `snippet ${index + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
        ),
    );
    expect(problems).toEqual([]);
  }, 180_000);
});

const linked = [
  ...pages,
  pathOf('migrating'),
  pathOf('clients'),
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'libs/push/PROTOCOL.md',
];

describe.each(linked)('The page %s', (page) => {
  it('links to files and headings that exist', async () => {
    const text = await readFile(page, 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)/g)];
    const broken = await Promise.all(
      links.map(async ([link, path, heading]) => {
        const target = path === '' ? page : join(dirname(page), path!);
        const isThere = await access(target).then(
          () => true,
          () => false,
        );
        if (!isThere) return [link];
        return heading && !(await headingsOf(target)).includes(heading) ? [link] : [];
      }),
    );
    expect(broken.flat()).toEqual([]);
  });
});

it('The walks through the architecture name methods and types that the linked files have', async () => {
  const text = await readFile('ARCHITECTURE.md', 'utf8');
  const steps = text.match(/^\d+\. .*(?:\n {2,}.*)*/gm)!;
  expect(steps).toHaveLength(35);
  const missing = await Promise.all(
    steps.map(async (step) => {
      const files = Array.from(step.matchAll(/\]\(([^)]+\.ts)\)/g), ([, file]) => readFile(file!, 'utf8'));
      const code = (await Promise.all(files)).join('\n');
      const names = files.length > 0 ? Array.from(step.matchAll(/`(\w+)`/g), ([, name]) => name!) : [];
      return names
        .filter((name) => !new RegExp(`\\b${name}\\b`).test(code))
        .map((name) => `${name}: ${step}`);
    }),
  );
  expect(missing.flat()).toEqual([]);
});
