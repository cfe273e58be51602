/*
 * A release: `npm run release -- <version> [--dry-run] [--publish]`. Checks that git has nothing uncommitted, gives the packages the
 * version and the changelog a section, builds, packs, and has publint and arethetypeswrong look at each tarball; then commits and
 * tags, and says how to publish, or publishes. `--dry-run` does all of it up to the commit, and puts the files back.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const args = process.argv.slice(2);
const version = args.find((arg) => !arg.startsWith('-'));
const isDry = args.includes('--dry-run');
const packages = ['push', 'push-client'];
const files = ['CHANGELOG.md', 'package-lock.json', ...packages.map((name) => `libs/${name}/package.json`)];

function fail(message) {
  console.error(message);
  process.exit(1);
}

function run(command, ...rest) {
  const { status } = spawnSync(command, rest, { stdio: 'inherit' });
  if (status !== 0) fail(`${command} ${rest.join(' ')} failed: nothing was committed.`);
}

function edit(file, change) {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

/** A new, empty section of what is unreleased stays on top. */
function changelog(text) {
  const heading = '## [Unreleased]\n';
  if (!text.includes(`${heading}\n### `)) fail('CHANGELOG.md has nothing that is unreleased.');
  const date = new Date().toISOString().slice(0, 10);
  return text.replace(heading, `${heading}\n## [${version}] - ${date}\n`);
}

function setVersion() {
  for (const name of packages)
    edit(`libs/${name}/package.json`, (text) => text.replace(/"version": ".*"/, `"version": "${version}"`));
  edit('package-lock.json', (text) => {
    const lock = JSON.parse(text);
    for (const name of packages) lock.packages[`libs/${name}`].version = version;
    return `${JSON.stringify(lock, null, 2)}\n`;
  });
  edit('CHANGELOG.md', changelog);
}

/** Packs each package into `folder`, and checks what a user would get. Returns the tarballs. */
function packed(folder) {
  run('npm', 'run', 'build:libs', '--silent');
  return packages.map((name) => {
    const pack = ['pack', '--silent', '--pack-destination', folder];
    const file = execFileSync('npm', pack, { cwd: resolve('libs', name), encoding: 'utf8' })
      .trim()
      .split('\n')
      .at(-1);
    const tarball = join(folder, file);
    run('npx', 'publint', '--strict', tarball);
    run('npx', 'attw', '--profile', 'strict', tarball);
    return tarball;
  });
}

if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version ?? ''))
  fail('npm run release -- <version> [--dry-run] [--publish]');
const git = (...rest) => execFileSync('git', rest, { encoding: 'utf8' }).trim();
if (git('status', '--porcelain') !== '' && !isDry) fail('Commit first: git has changes.');
if (git('tag', '--list', `v${version}`) !== '') fail(`v${version} is there already.`);

const before = new Map(files.map((file) => [file, readFileSync(file)]));
const restore = () => before.forEach((text, file) => writeFileSync(file, text));
const folder = mkdtempSync(join(tmpdir(), 'push-release-'));
let isDone = false;
process.on('exit', () => {
  if (!isDone) restore();
  if (isDry || !isDone) rmSync(folder, { recursive: true, force: true });
});

setVersion();
const tarballs = packed(folder);
if (isDry) {
  console.log(`${version} would be good.`);
} else {
  run('git', 'commit', '--quiet', '--message', `Release ${version}`, '--', ...files);
  isDone = true;
  run('git', 'tag', '--annotate', `v${version}`, '--message', `v${version}`);
  for (const tarball of tarballs) {
    if (args.includes('--publish')) run('npm', 'publish', tarball);
    else console.log(`npm publish ${tarball}`);
  }
  console.log('git push --follow-tags');
}
