import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterTest } from './support/cleanup.js';
import { headingsOf } from './support/markdown.js';
import { run } from './support/processes.js';

const repository = 'https://github.com/nestjs-push/nestjs-push';

interface Manifest {
  readonly repository?: { readonly url: string; readonly directory?: string };
  readonly dependencies?: Record<string, string>;
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Packs a package, and returns the folder of what a user gets. */
async function unpacked(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'push-tarball-'));
  afterTest(() => rm(folder, { recursive: true, force: true }));
  await run(resolve('libs', name), 'npm', 'pack', '--pack-destination', folder);
  const [tarball] = await readdir(folder);
  await run(folder, 'tar', '-xzf', tarball!);
  return join(folder, 'package');
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

const packages = {
  push: [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'PROTOCOL.md',
    'docs/topics.md',
    'docs/nginx.conf',
    'dist/index.js',
    'dashboard/index.html',
  ],
  'push-client': ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/index.js', 'dist/core.js', 'dist/state.js'],
};

describe.each(Object.entries(packages))('The tarball of %s', (name, expected) => {
  it('has its license, its pages and the changelog, and no test or source', async () => {
    const files = await filesOf(await unpacked(name));
    expect(files).toEqual(expect.arrayContaining(expected));
    expect(files.filter((file) => /\.spec\.|^src\/|^test\/|\.map$/.test(file))).toEqual([]);
  }, 240_000);

  it('links from its pages to files that are in it, or to files of the repository that exist', async () => {
    const folder = await unpacked(name);
    const pages = (await filesOf(folder)).filter((file) => file.endsWith('.md'));
    const broken = await Promise.all(pages.map((page) => brokenLinks(folder, name, page)));
    expect(broken.flat()).toEqual([]);
  }, 240_000);

  it('has the types of the wire in it, and depends on nothing that is not published', async () => {
    const folder = await unpacked(name);
    const files = await filesOf(folder);
    expect(files).toEqual(
      expect.arrayContaining(['dist/protocol/messages.d.ts', 'dist/cjs/protocol/messages.d.ts']),
    );
    const code = files.filter((file) => /^dist\/.*\.(js|d\.ts)$/.test(file));
    const texts = await Promise.all(code.map((file) => readFile(join(folder, file), 'utf8')));
    expect(code.filter((_, index) => /['"]nestjs-push-protocol|push-protocol\//.test(texts[index]!))).toEqual(
      [],
    );
    expect((await manifestOf(folder)).dependencies).toBeUndefined();
  }, 240_000);
});

/** The links of a page that lead nowhere, for a reader of the tarball, or of the page on npm, where they lead to the repository. */
async function brokenLinks(folder: string, name: string, page: string): Promise<string[]> {
  const text = await readFile(join(folder, page), 'utf8');
  const links = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)#\s]*)(?:#([^)]+))?\)/g)];
  const broken = await Promise.all(
    links.map(async ([link, path, heading]) => {
      const targets = targetsOf([folder, join('libs', name)], page, path!);
      const found = await Promise.all(targets.map((target) => isThere(target, heading)));
      return found.includes(false) ? [`${page}: ${link}`] : [];
    }),
  );
  return broken.flat();
}

/** The files that a link means, from each of the roots; none where it leads to another site. */
function targetsOf(roots: readonly string[], page: string, path: string): string[] {
  if (path.startsWith(`${repository}/`)) {
    const inRepository = /^(?:blob|tree)\/main\/(.*)$/.exec(path.slice(repository.length + 1));
    return [inRepository ? resolve(inRepository[1]!) : path];
  }
  if (/^[a-z]+:/.test(path)) return [];
  return roots.map((root) => (path === '' ? join(root, page) : join(root, dirname(page), path)));
}

async function isThere(target: string, heading: string | undefined): Promise<boolean> {
  const exists = await access(target).then(
    () => true,
    () => false,
  );
  return exists && (!heading || (await headingsOf(target)).includes(heading));
}

it('Every package.json says where its source is', async () => {
  const folders = (await readdir('libs')).map((name) => `libs/${name}`);
  const found = await Promise.all(
    ['.', ...folders].map(async (folder) => (await manifestOf(folder)).repository),
  );
  expect(found).toEqual([
    { type: 'git', url: `git+${repository}.git` },
    ...folders.map((directory) => ({ type: 'git', url: `git+${repository}.git`, directory })),
  ]);
});
